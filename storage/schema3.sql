-- What version 3 added: a folder of an earlier one gets it when it is opened, and becomes
-- one of version 3 when there is something in it.

-- As dropped, of many rows that a transaction dropped at once.
CREATE TABLE IF NOT EXISTS drop_lists (
  segment_id INTEGER NOT NULL,
  list_id    INTEGER NOT NULL, -- from 1, of the segment
  rows       BLOB NOT NULL,    -- how many were not, how many were, how many were not, …, as uvarints
  PRIMARY KEY (segment_id, list_id)
) STRICT, WITHOUT ROWID;

-- Of a farm the hot batches up to this one are in segments: they count no more, and go.
CREATE TABLE IF NOT EXISTS sealed (
  farm_id  TEXT PRIMARY KEY,
  batch_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
