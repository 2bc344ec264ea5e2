package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
)

// A peer that answers success for another instance, or another class, has not said that it has ours. The others are not concerned.
func TestSend_AnswerForAnotherObject(t *testing.T) {
	python := objecttest.Python(t, "pynetdicom")
	for _, c := range []struct{ element, value, says string }{
		{"AffectedSOPInstanceUID", "1.2.3.1", `for another object than was sent, SOP instance "1.2.3.1"`},
		{"AffectedSOPClassUID", object.SegmentationStorage, `for another object than was sent, SOP class "` + object.SegmentationStorage},
	} {
		t.Run(c.element, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := l.Addr().(*net.TCPAddr).Port
			l.Close()
			ctx, cancel := context.WithCancel(context.Background())
			command := exec.CommandContext(ctx, python, "testdata/stray.py", fmt.Sprint(port), c.element, c.value, ".2")
			var log bytes.Buffer
			command.Stdout, command.Stderr = &log, &log
			if err := command.Start(); err != nil {
				cancel()
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cancel() // kills this process, by its handle
				_ = command.Wait()
				if t.Failed() {
					t.Logf("pynetdicom said:\n%s", &log)
				}
			})
			address := fmt.Sprintf("127.0.0.1:%d", port)
			waitFor(t, func() bool {
				conn, err := net.DialTimeout("tcp", address, time.Second)
				if err != nil {
					return false
				}
				conn.Close()
				return true
			})
			lines, outcomes, err := send(t, destination(address), items(t, object.Summary, 3))
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, lines, "1 sent, never, tried", "2 temporary, few, tried", "3 sent, never, tried")
			if o := outcomes[1]; !o.Answered || !strings.Contains(o.Text, c.says) || o.Remedy == "" {
				t.Errorf("outcome %+v, want text with %s and a remedy", o, c.says)
			}
		})
	}
}
