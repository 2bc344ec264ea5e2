package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Filter narrows Studies. The zero value means the newest 100.
type Filter struct {
	State     string    // one of the states, "" = all
	CallingAE string    // who sent the first instance, "" = all
	Result    string    // ResultPositive, ResultNegative, ResultNone; "" = all
	From, To  time.Time // of the newest instance: From is in, To is not; zero = open
	StudyUID  string    // the beginning of the UID, "" = all
	Accession string    // the whole number, "" = all
	Delivery  string    // some of its deliveries are DeliveryWaiting or DeliveryFailed; "" = all
	Limit     int       // 0 = 100, below 0 = all
	Offset    int

	Identifiers bool // with accession numbers
}

// Results of studies.
const (
	ResultPositive = "positive"
	ResultNegative = "negative"
	ResultNone     = "none" // not reported, or not yet
)

// Summary is one study in a list.
type Summary struct {
	StudyUID   string         `json:"study_uid"`
	State      string         `json:"state"`
	CallingAE  string         `json:"calling_ae"`                 // who sent its first instance
	Accession  string         `json:"accession_number,omitempty"` // if the filter asks for it
	FirstAt    time.Time      `json:"first_at,omitzero"`
	LastAt     time.Time      `json:"last_at,omitzero"`
	Instances  int            `json:"instances"`
	Flagged    int            `json:"flagged"`
	Revision   int            `json:"revision"`
	Reason     Reason         `json:"reason"` // of the newest revision
	Findings   []byte         `json:"-"`      // JSON of the newest revision, without what they say of each slice; may be empty
	FinishedAt time.Time      `json:"finished_at,omitzero"`
	Deliveries map[string]int `json:"deliveries"` // by state

	Destinations map[string]map[string]int `json:"destinations"` // deliveries by destination and state
}

// conditions are the WHERE of a filter, of study s.
func (f Filter) conditions() (text string, args []any) {
	var all []string
	add := func(condition string, values ...any) {
		all = append(all, condition)
		args = append(args, values...)
	}
	if f.State != "" {
		add(`s.state = ?`, f.State)
	}
	if f.CallingAE != "" {
		add(`s.calling_ae = ?`, f.CallingAE)
	}
	switch f.Result {
	case "":
	case ResultNone:
		add(`s.result = ''`)
	default:
		add(`s.result = ?`, f.Result)
	}
	if !f.From.IsZero() {
		add(`s.last_at >= ?`, ms(f.From))
	}
	if !f.To.IsZero() {
		add(`s.last_at < ?`, ms(f.To))
	}
	if f.StudyUID != "" {
		add(`s.uid >= ? AND s.uid < ?`, f.StudyUID, f.StudyUID+string(unicode.MaxRune))
	}
	if f.Accession != "" {
		add(`s.accession = ? AND s.accession <> ''`, f.Accession)
	}
	switch f.Delivery {
	case "":
	case DeliveryWaiting, DeliveryFailed: // as text: there is an index for each of the two
		add(`s.uid IN (SELECT study_uid FROM study_delivery WHERE state = '` + f.Delivery + `' AND n > 0)`)
	default:
		add(`1 = 0`)
	}
	if len(all) == 0 {
		return "", nil
	}
	return `WHERE ` + strings.Join(all, ` AND `), args
}

// Studies lists studies, the last received first.
func (l *Ledger) Studies(ctx context.Context, f Filter) ([]Summary, error) {
	switch {
	case f.Limit == 0:
		f.Limit = 100
	case f.Limit < 0:
		f.Limit = noLimit
	}
	where, args := f.conditions()
	var all []Summary
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = query(ctx, tx, `
			SELECT s.uid, s.state, s.calling_ae, s.accession, s.first_at, s.last_at, s.instances, s.revision, s.flagged,
				coalesce(r.reason_code, ''), coalesce(r.reason_text, ''), coalesce(r.reason_remedy, ''),
				coalesce(b.text, ''), coalesce(b.finished_at, 0)
			FROM (
				SELECT s.*
				FROM study s
				`+where+`
				ORDER BY s.last_at DESC, s.uid
				LIMIT ? OFFSET ?) s
			LEFT JOIN revision r ON r.study_uid = s.uid AND r.number = s.revision
			LEFT JOIN brief b ON b.revision_id = r.id
			ORDER BY s.last_at DESC, s.uid`, scanSummary, append(args, f.Limit, f.Offset)...)
		if err != nil {
			return err
		}
		for i := range all {
			if !f.Identifiers {
				all[i].Accession = ""
			}
			if err := all[i].deliveries(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list studies: %w", err)
	}
	return all, nil
}

// deliveries reads how many of the study's there are.
func (s *Summary) deliveries(ctx context.Context, tx *sql.Tx) error {
	s.Deliveries, s.Destinations = map[string]int{}, map[string]map[string]int{}
	_, err := query(ctx, tx, `
		SELECT destination, state, n
		FROM study_delivery
		WHERE study_uid = ? AND n > 0`, func(rows *sql.Rows) (struct{}, error) {
		var destination, state string
		var n int
		err := rows.Scan(&destination, &state, &n)
		if s.Destinations[destination] == nil {
			s.Destinations[destination] = map[string]int{}
		}
		s.Destinations[destination][state] = n
		s.Deliveries[state] += n
		return struct{}{}, err
	}, s.StudyUID)
	return err
}

// mostCounted is how far CountStudies counts where it has no counter.
const mostCounted = 10000

// CountStudies counts the studies that a filter lets through, whatever its limit. With atLeast there are more than n. Dates, beginnings
// of UIDs and deliveries have no counters, and are not counted to the end.
func (l *Ledger) CountStudies(ctx context.Context, f Filter) (n int, atLeast bool, err error) {
	where, args := f.conditions()
	text := `SELECT coalesce(SUM(s.n), 0) FROM study_count_now s ` + where
	counter := true
	if !f.From.IsZero() || !f.To.IsZero() || f.StudyUID != "" || f.Accession != "" || f.Delivery != "" {
		counter = false
		text = `SELECT COUNT(*) FROM (SELECT 1 FROM study s ` + where + ` LIMIT ?) few`
		args = append(args, mostCounted+1)
	}
	err = l.view(ctx, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, text, args...).Scan(&n) })
	if err != nil {
		return 0, false, fmt.Errorf("count studies: %w", err)
	}
	if n > mostCounted && !counter {
		return mostCounted, true, nil
	}
	return n, false, nil
}

func scanSummary(rows *sql.Rows) (s Summary, err error) {
	var first, last, finished int64
	err = rows.Scan(&s.StudyUID, &s.State, &s.CallingAE, &s.Accession, &first, &last, &s.Instances, &s.Revision, &s.Flagged,
		&s.Reason.Code, &s.Reason.Text, &s.Reason.Remedy, &s.Findings, &finished)
	s.FirstAt, s.LastAt, s.FinishedAt = at(first), at(last), at(finished)
	return s, err
}
