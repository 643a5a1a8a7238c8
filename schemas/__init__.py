"""The data the project stands on: Arrow schemas, risks, profiles, policies and source records. Imports nothing of ours."""
