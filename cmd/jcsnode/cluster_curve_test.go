package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// curve is one number over time, taken at equal distances.
type curve []float64

// growth is by how much it grew from its first value to its last, as the median of the slopes between any two of its values has it: single
// outliers, as of a collection of garbage, do not count.
func (c curve) growth() float64 {
	var slopes []float64
	for i := range c {
		for j := i + 1; j < len(c); j++ {
			slopes = append(slopes, (c[j]-c[i])/float64(j-i))
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2] * float64(len(c)-1)
}

func (c curve) median() float64 {
	if len(c) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(c))[len(c)/2]
}

// thinned is at most n of its values, for a log.
func (c curve) thinned(n int) string {
	var b strings.Builder
	for i := range min(n, len(c)) {
		fmt.Fprintf(&b, " %.0f", c[i*len(c)/min(n, len(c))])
	}
	return b.String()
}

func TestCurve_Growth(t *testing.T) {
	flat, leak := make(curve, 100), make(curve, 100)
	for i := range flat {
		flat[i] = 50 + 20*math.Sin(float64(i)) // garbage that comes and is collected
		leak[i] = flat[i] + float64(i)/2
	}
	flat[70] = 500
	if g := flat.growth(); math.Abs(g) > 10 {
		t.Errorf("what does not grow grows by %.1f", g)
	}
	if g := leak.growth(); g < 40 || g > 60 {
		t.Errorf("what grows by 50 grows by %.1f", g)
	}
}

// limits are by how much each curve may grow: over the last three quarters of a run, in its own unit and in parts of its median.
var limits = []struct {
	name  string
	unit  float64
	parts float64
}{
	{"memory, MB", 8, 0.1},
	{"open files", 10, 0},
	// A node that gets a destination and leads has some 30 more. So an hour, with some hundred kills, tells one that is left by each kill;
	// a quarter of an hour tells only those that are left by each study.
	{"goroutines", 40, 0},
	{"jobs", 10, 0.2},
	{"deliveries that wait", 10, 0.2},
	{"instances that wait for their study to settle", 60, 0.2},
}

// leaks compares curves, by their names, with how much they may grow.
func leaks(t *testing.T, curves map[string]curve) {
	t.Helper()
	for _, l := range limits {
		c := curves[l.name]
		late := c[len(c)/4:]
		most := l.unit + l.parts*late.median()
		t.Logf("%s: grew by %.1f, at most %.1f;%s", l.name, late.growth(), most, c.thinned(24))
		if len(late) < 10 {
			t.Errorf("%s: %d values say nothing", l.name, len(late))
		}
		if late.growth() > most {
			t.Errorf("%s grew by %.1f in the last three quarters of the run, want at most %.1f", l.name, late.growth(), most)
		}
	}
}

// measured is what a node says of itself.
func measured(address string) (map[string]float64, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics answer %s", answer.Status)
	}
	all := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(answer.Body, 4<<20))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = v
		}
	}
	memory, files, goroutines := all["process_resident_memory_bytes"], all["process_open_fds"], all["go_goroutines"]
	if err := lines.Err(); err != nil || memory*files*goroutines == 0 {
		return nil, errors.Join(errors.New("the metrics lack memory, open files or goroutines"), err)
	}
	return map[string]float64{"memory, MB": memory / 1e6, "open files": files, "goroutines": goroutines}, nil
}

// queued is what waits in the ledger of a cluster.
func (w *ward) queued(db *sql.DB) (map[string]float64, error) {
	all := map[string]float64{}
	for name, question := range map[string]string{
		"jobs":                 `SELECT count(*) FROM river_job WHERE finalized_at IS NULL`,
		"deliveries that wait": `SELECT count(*) FROM delivery WHERE state = 'waiting'`,
		"instances that wait for their study to settle": `SELECT count(*) FROM instance WHERE revision = 0`,
	} {
		var n float64
		if err := db.QueryRow(question).Scan(&n); err != nil {
			return nil, err
		}
		all[name] = n
	}
	return all, nil
}
