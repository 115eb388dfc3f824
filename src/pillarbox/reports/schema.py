"""The tables of reports.

`counted_rows` has what our reports will say, one row for each thing that was seen, with how often, by kind of report,
domain and day (days since 1970, UTC); `counted_domains` has how many different ones there are, so that nobody fills
the disk with them, and the policy record that was seen last. Both go when the report is sent, in the transaction that
queues it; `sent_reports` remembers that. `received_reports` and their rows are those of others;
`octets` is how many the rows have, 0 where they came before these were counted.
"""

from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE counted_domains (
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  day INTEGER NOT NULL,
  record TEXT NOT NULL,
  rows INTEGER NOT NULL,
  PRIMARY KEY (kind, domain, day)
) WITHOUT ROWID;
CREATE TABLE counted_rows (
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  day INTEGER NOT NULL,
  row TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, domain, day, row)
) WITHOUT ROWID;
CREATE TABLE sent_reports (
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  day INTEGER NOT NULL,
  sent_at_ms INTEGER NOT NULL,
  report_id TEXT NOT NULL,
  recipients TEXT NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (kind, domain, day)
) WITHOUT ROWID;
CREATE TABLE received_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  organization TEXT NOT NULL,
  submitter TEXT NOT NULL,
  authenticated INTEGER NOT NULL,
  report_id TEXT NOT NULL,
  start_s INTEGER NOT NULL,
  end_s INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  total INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  problem TEXT NOT NULL
);
CREATE INDEX received_reports_same ON received_reports (kind, domain, submitter, report_id);
CREATE INDEX received_reports_at ON received_reports (received_at_ms);
CREATE TABLE received_report_rows (
  report INTEGER NOT NULL,
  number INTEGER NOT NULL,
  row TEXT NOT NULL,
  PRIMARY KEY (report, number)
) WITHOUT ROWID
"""

_OCTETS = """
ALTER TABLE received_reports ADD COLUMN octets INTEGER NOT NULL DEFAULT 0;
CREATE INDEX received_reports_kept ON received_reports (authenticated, id, octets)
"""

SCHEMA = Schema("reports", migrations=(_TABLES, _OCTETS))
