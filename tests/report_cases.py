"""For every condition a change of the good evidence that makes it hold, and what the clause then comes to, by hand.

`{kind}`, `{levels}`, `{policy}` and `{key}` are the terms of the clause.
"""

from dataclasses import dataclass

FAIL, MISSING, PEOPLE, NONE = "不符合", "待补充", "待人工", "不适用"


@dataclass(frozen=True)
class Case:
    """Statements, and the verdict they leave the clause with."""

    verdict: str
    statements: tuple[str, ...]


def _case(verdict: str, *statements: str) -> Case:
    return Case(verdict, statements)


_ROUND = 'INSERT INTO record.rounds (number, "round", state, passed, frame_sha256, knowable) '
_NO_TRAINING = "UPDATE record.training SET same_run = false"
_NO_ANNOTATION = ("DELETE FROM annotation.log", "DELETE FROM annotation.checks", "DELETE FROM declared.annotation")
_NONE_DECLARED = "INSERT INTO declared.annotation (\"none\", reason) VALUES (true, '只用公开语料预训练')"
_SIGNER = "UPDATE declared.signers SET name = '同一人' WHERE signer IN "
_ASSETS = "(starts_with(key, 'K.KW.') OR key = 'K.CLS')"
_TICKED = (
    "UPDATE round.readings SET personal = ['biometric'] WHERE item_no = (SELECT min(item_no) FROM round.items_drawn "
    "WHERE kind = 'sample' AND list_contains(samples, 'manual') AND source_id = 'packed')"
)

CASES: dict[str, Case] = {
    "judged_failing": _case(
        FAIL,
        "INSERT INTO declared.judgements (clause_key, verdict, reason, \"by\") VALUES ({key}, '不符合', '尚未做到', '甲')",
    ),
    "evidence_torn": _case(MISSING, "DELETE FROM audit.region_stats"),
    "evidence_expired": _case(MISSING, "UPDATE declared.evidence SET expires = '2026-11-21' WHERE clause_key = {key}"),
    "training_none": _case(MISSING, "DELETE FROM record.training", "DELETE FROM declared.training"),
    "training_missing": _case(MISSING, "INSERT INTO declared.training (name) VALUES ('model-2')"),
    "training_unclean": _case(MISSING, "UPDATE record.training SET unmatched = 1"),
    "training_other_unclean": _case(
        PEOPLE,
        "INSERT INTO record.training BY NAME SELECT * REPLACE ('all' AS name, false AS clean, 7 AS unmatched) FROM record.training",
    ),
    "training_partial": _case(MISSING, "UPDATE record.training SET found = 900"),
    "ledger_unbalanced": _case(MISSING, "UPDATE audit.ledger SET audited = audited - 1"),
    "ledger_incomplete": _case(MISSING, _NO_TRAINING),
    "unscored_untold": _case(
        MISSING, "INSERT INTO audit.unscored (source_id, admitted, documents) VALUES ('plain', false, 3)", _NO_TRAINING
    ),
    "unscored_admitted": _case(
        FAIL, "INSERT INTO audit.unscored (source_id, admitted, documents) VALUES ('plain', true, 3)"
    ),
    "no_round": _case(
        MISSING, "DELETE FROM round.round_info", 'UPDATE record.facts SET rehearsal = true, "round" = NULL'
    ),
    "round_other_run": _case(MISSING, "UPDATE round.round_info SET run_id = 'another'"),
    "round_frame": _case(MISSING, "UPDATE record.rounds SET frame_documents = 913"),
    "round_unreliable": _case(PEOPLE, "UPDATE round.reliance SET holds = false, reasons = ['没有已知答案']"),
    "round_doubted": _case(PEOPLE, "INSERT INTO round.doubts (about, reason) VALUES ('unread', 'plain 未读全')"),
    "round_not_latest": _case(MISSING, f"{_ROUND} VALUES (2, 'R0002', 'closed', true, 'f', true)"),
    "round_redrawn": _case(
        PEOPLE,
        f"{_ROUND} SELECT 0, 'R0000', 'closed', false, frame_sha256, true FROM record.rounds",
        "INSERT INTO declared.remediation (\"round\", item_no, recheck) VALUES ('R0000', 1, 'passed')",
    ),
    "round_abandoned_after": _case(PEOPLE, f"{_ROUND} VALUES (2, 'R0002', 'abandoned', NULL, 'f', true)"),
    "register_differs": _case(MISSING, "DELETE FROM record.register WHERE event = 'valued'"),
    "round_unremedied": _case(MISSING, f"{_ROUND} VALUES (0, 'R0000', 'closed', false, 'other', true)"),
    "remediation_open": _case(
        MISSING,
        f"{_ROUND} VALUES (0, 'R0000', 'closed', false, 'other', true)",
        "INSERT INTO declared.remediation (\"round\", item_no, recheck) VALUES ('R0000', 1, 'open')",
    ),
    "blacklisted_admitted": _case(
        FAIL, "UPDATE record.blacklist SET active = true, scope = 'source' WHERE source_key = 'bad'"
    ),
    "blacklisted_trained": _case(
        FAIL, "INSERT INTO record.training_reasons VALUES ('model-1', 'source_blacklisted', 1)"
    ),
    "lift_unfounded": _case(
        MISSING, "UPDATE record.blacklist_log SET unfounded = '两名不同的决定者' WHERE event = 'dismissed'"
    ),
    "lift_without_round": _case(MISSING, "UPDATE record.blacklist_log SET \"round\" = NULL WHERE event = 'dismissed'"),
    "lift_stale": _case(MISSING, "UPDATE record.source_versions SET version = 'another' WHERE source_id = 'bad'"),
    "no_policy": _case(MISSING, "UPDATE declared.policies SET owner = '' WHERE key = {policy}"),
    "blacklist_unapproved": _case(MISSING, "UPDATE declared.policies SET approved_by = NULL"),
    "blacklist_unassessed": _case(
        MISSING,
        "DELETE FROM record.blacklist",
        "DELETE FROM round.source_results WHERE source_id = 'plain'",
    ),
    "source_above": _case(
        FAIL,
        "UPDATE round.source_results SET above = true, within = false WHERE source_id = 'plain'",
        "INSERT INTO record.blacklist (source_key, scope, active) VALUES ('plain', 'source', true)",
    ),
    "source_above_literal": _case(
        FAIL, "UPDATE audit.source_stats SET violations = 20, documents = 380 WHERE source_id = 'plain'"
    ),
    "source_unjudged": _case(MISSING, "DELETE FROM round.source_results WHERE source_id = 'plain'"),
    "source_unsure": _case(
        PEOPLE, "UPDATE round.source_results SET rate_high = 0.0501, within = false WHERE source_id = 'plain'"
    ),
    "source_open": _case(
        PEOPLE, "UPDATE round.source_results SET open_reasons = ['suspected_rename'] WHERE source_id = 'plain'"
    ),
    "stage_apart": _case(
        PEOPLE,
        "UPDATE audit.source_stats SET stage = 'safety' WHERE source_id = 'bad'",
        "UPDATE audit.exclusions SET stage = 'safety' WHERE source_id = 'bad'",
        "UPDATE round.manual_result SET population = 814",
    ),
    "domain_lifted_on_file": _case(
        PEOPLE, "INSERT INTO round.blacklist_standing VALUES ('x.example', 'domain', 'lifted_on_file', 3)"
    ),
    "source_not_listed": _case(
        MISSING,
        "UPDATE audit.source_stats SET admitted_documents = 0 WHERE source_id = 'plain'",
        "UPDATE round.source_results SET above = true WHERE source_id = 'plain'",
    ),
    "pre_collection_missing": _case(MISSING, "DELETE FROM record.assessments WHERE source_id = 'plain'"),
    "pre_collection_above": _case(FAIL, "UPDATE record.assessments SET exceeds = true WHERE source_id = 'plain'"),
    "diversity_unknown": _case(MISSING, "DELETE FROM audit.source_diversity"),
    "diversity_short": _case(FAIL, "UPDATE audit.source_diversity SET independent_sources = 1, enough = false"),
    "duplicates_not_looked": _case(MISSING, "UPDATE audit.duplicate_stats SET near_within = NULL"),
    "suspected_rename": _case(PEOPLE, "UPDATE audit.source_stats SET review_reasons = ['suspected_rename']"),
    "region_unfounded": _case(MISSING, "UPDATE audit.sources SET region_basis = NULL WHERE source_id = 'plain'"),
    "mix_unexplained": _case(MISSING, "DELETE FROM declared.mix"),
    "kind_unused": _case(NONE, "UPDATE audit.sources SET treated_as = 'another' WHERE treated_as = {kind}"),
    "trace_missing": _case(MISSING, "UPDATE audit.evidence SET status = 'missing'"),
    "trace_wrong": _case(FAIL, "UPDATE audit.evidence SET status = 'expired'"),
    "trace_barred": _case(
        FAIL,
        "INSERT INTO audit.provenance_stats SELECT source_id, 'robots_denied', true, 1 FROM audit.sources",
    ),
    "trace_unchecked": _case(
        MISSING, "INSERT INTO audit.provenance_stats SELECT source_id, 'no_snapshot', true, 1 FROM audit.sources"
    ),
    "commitment_missing": _case(MISSING, "UPDATE declared.contracts SET commits = ['source', 'quality']"),
    "blocked_none": _case(MISSING, "UPDATE record.facts SET blocked_lists = 0"),
    "blocked_undeclared": _case(MISSING, "DELETE FROM declared.blocklist"),
    "blocked_other": _case(MISSING, "UPDATE declared.blocklist SET sha256 = 'another'"),
    "blocked_trained": _case(FAIL, "INSERT INTO record.training_reasons VALUES ('model-1', 'blocked', 1)"),
    "urlless": _case(PEOPLE, "UPDATE audit.url_stats SET has_url = false WHERE source_id = 'plain'"),
    "keywords_unused": _case(FAIL, "UPDATE audit.keyword_library SET block = 0, review = 0"),
    "classifier_unused": _case(FAIL, "UPDATE audit.classifier_evidence SET strength = 'none', threshold = NULL"),
    "custom_policy": _case(PEOPLE, "UPDATE record.facts SET custom_policy = true"),
    "violations_admitted": _case(PEOPLE, "UPDATE audit.source_stats SET admitted_violations = 1"),
    "ip_field_missing": _case(
        MISSING,
        "UPDATE declared.ip SET owner = '', report_by = '', complaint_url = '', agreement_page = '', public_url = ''",
    ),
    "ip_open": _case(FAIL, 'UPDATE declared.ip SET "open" = 1'),
    "ip_sources_missing": _case(MISSING, "DELETE FROM declared.ip_sources WHERE source_id = 'plain'"),
    "ip_never_updated": _case(MISSING, "DELETE FROM declared.ip_updates"),
    "ip_update_old": _case(PEOPLE, "UPDATE declared.ip_updates SET date = '2025-11-21'"),
    "personal_none": _case(NONE, "DELETE FROM audit.pii_basis", "UPDATE audit.source_stats SET pii_documents = 0"),
    "personal_uncovered": _case(FAIL, "UPDATE audit.pii_basis SET covered = false"),
    "personal_unproved": _case(MISSING, "DELETE FROM declared.consents"),
    "personal_failed": _case(PEOPLE, "UPDATE record.facts SET personal_failed = 1"),
    "personal_excluded": _case(PEOPLE, "UPDATE audit.pii_basis SET documents = 0 WHERE phase = 'admitted'"),
    "personal_ticked": _case(PEOPLE, _TICKED),
    "personal_weak_recall": _case(PEOPLE, "UPDATE round.items_drawn SET samples = [] WHERE item_no > 300"),
    "annotation_none": _case(NONE, *_NO_ANNOTATION, _NONE_DECLARED),
    "annotation_undeclared": _case(MISSING, *_NO_ANNOTATION),
    "annotation_contradicted": _case(MISSING, "UPDATE declared.annotation SET \"none\" = true, reason = '没有'"),
    "annotation_likely": _case(
        PEOPLE, *_NO_ANNOTATION, _NONE_DECLARED, "UPDATE audit.source_stats SET stage = 'sft' WHERE source_id = 'plain'"
    ),
    "annotation_log_missing": _case(MISSING, "DELETE FROM annotation.log"),
    "annotation_failed": _case(FAIL, "UPDATE annotation.checks SET problems = 1"),
    "annotation_unchecked": _case(MISSING, "UPDATE annotation.checks SET problems = NULL"),
    "annotation_nothing": _case(PEOPLE, "UPDATE annotation.checks SET examined = 0"),
    "annotation_uncovered": _case(PEOPLE, "UPDATE annotation.log SET stage_documents = 3, stage_documents_logged = 2"),
    "training_unattended": _case(MISSING, "UPDATE declared.annotation SET training_hours = NULL"),
    "not_isolated": _case(MISSING, "UPDATE declared.annotation SET safety_isolated = NULL"),
    "rules_missing": _case(MISSING, "DELETE FROM declared.annotation_rules"),
    "rules_incomplete": _case(FAIL, "UPDATE declared.annotation_rules SET quality = NULL WHERE kind = 'safety'"),
    "rules_one_sided": _case(FAIL, "UPDATE declared.annotation_rules SET covers = ['annotate'] WHERE kind = 'safety'"),
    "rules_risks": _case(FAIL, "DELETE FROM declared.annotation_risks WHERE risk_id = 'A5-b'"),
    "services_undeclared": _case(MISSING, "DELETE FROM declared.services"),
    "services_special": _case(MISSING, "UPDATE declared.services SET special = true, kinds = ['medical']"),
    "manual_open": _case(
        MISSING,
        "UPDATE round.finals SET verdict = NULL WHERE item_no = 1",
        "UPDATE round.items_drawn SET samples = ['manual'] WHERE item_no = 1",
    ),
    "manual_differs": _case(MISSING, "UPDATE round.manual_result SET failures = 1"),
    "manual_few": _case(FAIL, "UPDATE record.thresholds SET manual_minimum = 815"),
    "manual_small": _case(
        FAIL,
        "UPDATE record.thresholds SET manual_minimum = 4000",
        "UPDATE audit.exclusions SET documents = 0 WHERE source_id = 'bad'",
    ),
    "manual_failed": _case(
        FAIL,
        "UPDATE round.finals SET verdict = 'unclear' WHERE item_no IN (SELECT item_no FROM round.items_drawn "
        "WHERE kind = 'sample' AND list_contains(samples, 'manual') ORDER BY item_no LIMIT 33)",
    ),
    "manual_carried": _case(MISSING, "UPDATE round.items_drawn SET carried_from = 'R0000'"),
    "not_blind": _case(PEOPLE, "UPDATE round.after_findings SET resting = [7]"),
    "read_in_part": _case(PEOPLE, "UPDATE round.manual_result SET qualified_read_in_part = 1"),
    "technical_few": _case(FAIL, "UPDATE record.samples SET size = 91, qualified = 91 WHERE sample = 'technical'"),
    "technical_differs": _case(
        MISSING, "INSERT INTO audit.technical_sample (doc_id, qualified) VALUES ('plain:1', true)"
    ),
    "technical_failed": _case(FAIL, "UPDATE record.samples SET qualified = 90 WHERE sample = 'technical'"),
    "technical_unscored": _case(
        MISSING,
        "INSERT INTO audit.technical_sample (doc_id, qualified, unscored) VALUES ('plain:1', true, 'timeout')",
        "UPDATE record.samples SET size = 1, qualified = 1 WHERE sample = 'technical'",
        "UPDATE record.facts SET admitted_documents = 10",
    ),
    "known_below": _case(MISSING, "UPDATE audit.known_answers SET passed = false WHERE risk_id = 'A1-a'"),
    "assets_failing": _case(FAIL, f"UPDATE concluded.verdicts SET verdict = '不符合' WHERE {_ASSETS}"),
    "assets_missing": _case(MISSING, f"UPDATE concluded.verdicts SET verdict = '待补充' WHERE {_ASSETS}"),
    "assets_people": _case(PEOPLE, f"UPDATE concluded.verdicts SET verdict = '待人工' WHERE {_ASSETS}"),
    "assets_unfit": _case(MISSING, f"UPDATE concluded.verdicts SET verdict = '不符合' WHERE {_ASSETS}"),
    "keywords_few": _case(FAIL, "UPDATE record.thresholds SET keywords_minimum = 10201"),
    "keywords_differ": _case(MISSING, "DELETE FROM record.keywords WHERE term = '词00000'"),
    "keywords_risks": _case(FAIL, "UPDATE audit.keyword_library SET required = 601 WHERE risk_id = 'A1-a'"),
    "keywords_unknown": _case(MISSING, "DELETE FROM record.keywords"),
    "keywords_long": _case(
        PEOPLE,
        "UPDATE record.keywords SET overlong = true WHERE term = '词00000'",
        "DELETE FROM declared.keyword_notes",
    ),
    "keywords_never_updated": _case(MISSING, "DELETE FROM declared.keyword_updates WHERE date = '2026-11-10'"),
    "keywords_update_late": _case(
        FAIL, "UPDATE declared.keyword_updates SET date = '2026-11-08' WHERE date = '2026-11-10'"
    ),
    "classifier_blind": _case(FAIL, "UPDATE audit.classifier_evidence SET threshold = 1.01 WHERE risk_id = 'A1-a'"),
    "classifier_untested": _case(MISSING, "UPDATE audit.classifier_evidence SET held_back = 0 WHERE risk_id = 'A1-a'"),
    "classifier_weak": _case(PEOPLE, "UPDATE audit.classifier_evidence SET strength = 'weak' WHERE risk_id = 'A1-a'"),
    "classifier_undeclared": _case(MISSING, "DELETE FROM declared.classifier"),
    "clauses_open": _case(MISSING, "UPDATE concluded.verdicts SET verdict = '待人工' WHERE key = 'K.IP.OWNER'"),
    "cover_incomplete": _case(MISSING, "DELETE FROM declared.model"),
    "declarations_open": _case(
        MISSING, "INSERT INTO declared.problems VALUES (3, 'signers', 'placeholder', '待填 / to be filled in')"
    ),
    "signers_missing": _case(MISSING, "DELETE FROM declared.signers WHERE signer = 'security_lead'"),
    "signature_missing": _case(MISSING, "DELETE FROM declared.evidence WHERE clause_key = 'K.EVAL.SIGN'"),
    "signers_same": _case(
        FAIL,
        f"{_SIGNER} ('security_lead', 'legality_lead')",
        "UPDATE declared.signers SET note = '兼任' WHERE name = '同一人'",
    ),
    "signers_unexplained": _case(MISSING, f"{_SIGNER} ('legal_person', 'legality_lead')"),
}
