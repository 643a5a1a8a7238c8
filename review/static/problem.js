// The page that says why another one cannot be opened: only its header has something to do.

import { startHeader } from "./page.js";

startHeader();
