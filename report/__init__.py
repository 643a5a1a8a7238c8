"""The filing: form tables, clause verdicts, the corpus-safety section and the evidence a third party can check."""
