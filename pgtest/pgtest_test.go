package pgtest_test

import (
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/pgtest"
)

func TestDatabase_IsACopyOfItsTemplateForEachTest(t *testing.T) {
	prepared := 0
	prepare := func(address string) error {
		prepared++
		return execute(address, "CREATE TABLE word (text text)")
	}
	for range 2 {
		address := pgtest.Shared(t).Database(t, "words", prepare)
		if n := count(t, address); n != 0 {
			t.Errorf("%d rows at the start", n)
		}
		if err := execute(address, "INSERT INTO word VALUES ('lung')"); err != nil {
			t.Fatal(err)
		}
	}
	if prepared != 1 {
		t.Errorf("the template was prepared %d times", prepared)
	}
}

func TestStart_ServerOfOneTestStopsAndComesAgain(t *testing.T) {
	c := pgtest.Start(t, "work_mem = 5MB")
	address := c.Database(t, "", nil)
	if err := execute(address, "CREATE TABLE word (text text)"); err != nil {
		t.Fatal(err)
	}
	c.Stop(t, syscall.SIGINT)
	if err := execute(address, "SELECT 1"); err == nil {
		t.Error("a stopped server answers")
	}
	c.Again(t)
	if n := count(t, address); n != 0 {
		t.Errorf("%d rows after the server came again", n)
	}
}

// The test binary runs itself and is killed: its server must not outlive it.
func TestShared_EndsWithTheTestBinary(t *testing.T) {
	const asked = "JCSNODE_PGTEST_DIES"
	if os.Getenv(asked) != "" {
		c := pgtest.Shared(t)
		if _, err := os.Stdout.WriteString("\nfolder " + c.Folder() + "\n"); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	pgtest.Shared(t)
	cmd := exec.Command(os.Args[0], "-test.run", t.Name())
	cmd.Env = append(os.Environ(), asked+"=1")
	out, _ := cmd.Output() // it is killed
	_, rest, _ := strings.Cut(string(out), "\nfolder ")
	folder := strings.TrimSpace(rest)
	if folder == "" {
		t.Fatalf("no server started: %s", out)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server's folder is still there")
		}
	}
}

func execute(address, statement string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

func count(t *testing.T, address string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT COUNT(*) FROM word").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
