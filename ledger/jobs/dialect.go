package jobs

// Dialect is how the statements about River's table are written for an engine. Each text but the last two is an expression.
type Dialect struct {
	now      string // the time, as scheduled_at has it
	sooner   string // scheduled_at, or now if that is earlier
	dueMS    string // the earliest scheduled_at, as ms since 1970
	tooLate  string // whether scheduled_at is more than ? seconds from now
	key      string // ? as args has it
	args     string // args as JSON text
	worker   string // the client that works on a running job
	one      string // a statement that lets one transaction at a time be at a kind and key; "" where there is but one anyway
	pollOnly bool   // the engine does not tell who waits
}

// SQLite and PostgreSQL are the engines.
var (
	SQLite = Dialect{
		now:      `datetime('now', 'subsec')`,
		sooner:   `min(scheduled_at, datetime('now', 'subsec'))`,
		dueMS:    `MIN(CAST(1000 * unixepoch(scheduled_at, 'subsec') AS INTEGER))`,
		tooLate:  `unixepoch(scheduled_at) > unixepoch('now') + ?`,
		key:      `jsonb(?)`,
		args:     `json(args)`,
		worker:   `json_extract(attempted_by, '$[#-1]')`,
		pollOnly: true,
	}
	PostgreSQL = Dialect{
		now:     `now()`,
		sooner:  `LEAST(scheduled_at, now())`,
		dueMS:   `CAST(1000 * extract(epoch FROM MIN(scheduled_at)) AS BIGINT)`,
		tooLate: `scheduled_at > now() + CAST(? AS BIGINT) * INTERVAL '1 second'`,
		key:     `CAST(? AS jsonb)`,
		args:    `CAST(args AS TEXT)`,
		worker:  `attempted_by[cardinality(attempted_by)]`,
		// Some keys share a lock: a start enqueues for all that waits at once, and the server has room for some thousands of locks.
		one: `SELECT pg_advisory_xact_lock(4866901, CAST(hashtextextended(? || ' ' || ?, 4866899) & 1023 AS INTEGER))`,
	}
)
