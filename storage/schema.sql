-- Instants are milliseconds since 1970-01-01T00:00:00Z; money is nano-dollars.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE farms (
  farm_id    TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  cost_scale INTEGER NOT NULL, -- billionths
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
  farm_id    TEXT NOT NULL,
  queue_id   TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (farm_id, queue_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE fleets (
  farm_id    TEXT NOT NULL,
  fleet_id   TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (farm_id, fleet_id)
) STRICT, WITHOUT ROWID;

-- Jobs that have a name.
CREATE TABLE jobs (
  farm_id TEXT NOT NULL,
  job_id  TEXT NOT NULL,
  name    TEXT NOT NULL,
  PRIMARY KEY (farm_id, job_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  segment_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  farm_id     TEXT NOT NULL,
  file        TEXT NOT NULL UNIQUE,
  bytes       INTEGER NOT NULL,
  records     INTEGER NOT NULL,
  first_start INTEGER NOT NULL,
  last_start  INTEGER NOT NULL,
  last_end    INTEGER NOT NULL,
  max_wall    INTEGER NOT NULL,
  unpriced    INTEGER NOT NULL,
  checksums   BLOB NOT NULL    -- CRC-32C of each column, big-endian
) STRICT;
CREATE INDEX segments_by_farm ON segments (farm_id, first_start);

-- Rows of segments that a later version of their record has replaced.
CREATE TABLE dropped (
  segment_id INTEGER NOT NULL,
  row        INTEGER NOT NULL,
  PRIMARY KEY (segment_id, row)
) STRICT, WITHOUT ROWID;

-- Records that are in no segment, in batches as they came. Of an identity the batch of
-- the greatest id counts. Of a farm's batches, the first alone are ever removed (see sealed);
-- neighbours are folded into one, which keeps the id of its last.
CREATE TABLE hot (
  batch_id INTEGER PRIMARY KEY AUTOINCREMENT,
  first_id INTEGER NOT NULL, -- of the batches that were folded into it, or its own
  farm_id  TEXT NOT NULL,
  body     BLOB NOT NULL
) STRICT;
CREATE INDEX hot_by_farm ON hot (farm_id, batch_id, first_id);

CREATE TABLE access_keys (
  key_id     TEXT PRIMARY KEY,
  secret     TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL  -- 0 while the key is good
) STRICT, WITHOUT ROWID;

-- What keys may do: OWNER, MANAGER or WRITER of a farm, or of every farm, by ''. The farm
-- may be still to come.
CREATE TABLE grants (
  key_id  TEXT NOT NULL,
  farm_id TEXT NOT NULL,
  role    TEXT NOT NULL,
  PRIMARY KEY (key_id, farm_id)
) STRICT, WITHOUT ROWID;

-- Rate cards: of a farm, by its id or its name, or of the folder, by ''.
CREATE TABLE rate_cards (
  scope  TEXT PRIMARY KEY,
  file   TEXT NOT NULL,
  text   BLOB NOT NULL,
  set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE aggregations (
  aggregation_id TEXT PRIMARY KEY,
  farm_id        TEXT NOT NULL,
  accepted_at    INTEGER NOT NULL,
  status         TEXT NOT NULL,
  aggregation    BLOB NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX aggregations_by_time ON aggregations (accepted_at);
