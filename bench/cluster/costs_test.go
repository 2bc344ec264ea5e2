package cluster

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// A usual study for what the ledger keeps of it.
const (
	costStudies   = 20
	costInstances = 300
	costObjects   = 200
)

// TestCosts records what many studies leave, in a file and in PostgreSQL: time for each row of an instance and for each object with its
// delivery, and in the database rows and bytes by table, indices included.
func TestCosts(t *testing.T) {
	wanted(t)
	address := durableServer(t).Database(t, "", nil)
	for _, place := range []string{filepath.Join(t.TempDir(), "ledger.db"), address} {
		l, err := ledger.Open(t.Context(), place, ledger.Options{Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		var rows, outcomes time.Duration
		for s := range costStudies {
			uid := fmt.Sprintf("1.2.826.0.1.3680043.8.498.%020d", s)
			began := time.Now()
			for i := range costInstances {
				must(t, l.Record(t.Context(), instance(uid, i)))
			}
			must(t, l.Flush(t.Context()))
			rows += time.Since(began)
			began = time.Now()
			complete(t, l, uid)
			outcomes += time.Since(began)
		}
		engine := "SQLite"
		if place == address {
			engine = "PostgreSQL"
		}
		t.Logf("%s: %.2f ms a row of an instance, %.2f ms an object with its delivery and its answer (load %s)", engine,
			ms(rows)/costStudies/costInstances, ms(outcomes)/costStudies/costObjects, load(t))
		must(t, l.Close())
	}
	tables(t, address)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func digestOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// instance is a row as a scanner's slice makes it.
func instance(study string, n int) ledger.Instance {
	uid := fmt.Sprintf("%s.%04d", study, n)
	return ledger.Instance{StudyUID: study, SeriesUID: study + ".2", SOPInstanceUID: uid,
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", TransferSyntaxUID: "1.2.840.10008.1.2.1",
		Path: "inbox/" + digestOf(study)[:32] + "/" + digestOf(uid)[:40] + ".dcm", Digest: digestOf(uid), Size: 526 << 10,
		CallingAE: "CT1", CalledAE: "JCSNODE", RemoteAddr: "10.0.0.17:51234", Association: "mx416k9d-3", ReceivedAt: time.Now()}
}

// complete settles a study, and has its objects made and delivered.
func complete(t *testing.T, l *ledger.Ledger, study string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rev, err := l.Settle(ctx, study, "quiet for 1m0s")
	must(t, err)
	must(t, l.Begin(ctx, rev.ID))
	slices := strings.Repeat(`{"uid":"1.2.826.0.1.3680043.8.498.1","p":0.123456},`, costInstances)
	found := `{"decision":{"positive":true},"slices":[` + strings.TrimSuffix(slices, ",") + `]}`
	_, err = l.SaveFindings(ctx, rev.ID, ledger.Reading{InputDigest: digestOf(study), Findings: []byte(found)})
	must(t, err)
	var objects []ledger.Outgoing
	for n := range costObjects {
		uid := fmt.Sprintf("2.25.%s%09d", strings.Repeat("7", 30), n) + study[len(study)-4:]
		objects = append(objects, ledger.Outgoing{Destinations: []string{"pacs"}, Object: ledger.Object{SOPInstanceUID: uid,
			SOPClassUID: "1.2.840.10008.5.1.4.1.1.7", SeriesUID: study + ".9", Kind: "outline", Title: "outline of slice 12",
			TransferSyntaxUID: "1.2.840.10008.1.2.1", Path: "objects/" + digestOf(study)[:32] + "/1/" + digestOf(uid)[:24] + ".dcm",
			SHA256: digestOf(uid), Size: 300 << 10}})
	}
	must(t, l.Complete(ctx, rev.ID, objects, ledger.Reason{}))
	waiting, err := l.Pending(ctx, rev.ID, "pacs")
	must(t, err)
	var sent []ledger.DeliveryResult
	for _, d := range waiting {
		sent = append(sent, ledger.DeliveryResult{ID: d.ID, Outcome: ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true,
			Status: "0000H"}})
	}
	must(t, l.RecordDeliveries(ctx, sent))
}

// tables says what lies in a database.
func tables(t *testing.T, address string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "VACUUM ANALYZE")
	must(t, err)
	rows, err := db.QueryContext(t.Context(), `
		SELECT relname, pg_total_relation_size(oid), reltuples::bigint
		FROM pg_class
		WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reltuples >= $1
		ORDER BY 2 DESC`, costStudies)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var size, n int64
		must(t, rows.Scan(&name, &size, &n))
		t.Logf("%-20s %7.1f rows a study, %7.1f kB a study, %5d bytes a row", name, float64(n)/costStudies,
			float64(size)/costStudies/1000, size/n)
	}
	must(t, rows.Err())
}
