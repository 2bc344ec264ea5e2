package postgres

import (
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// wordedError is an error of the database with what to do about it.
type wordedError struct {
	remedy  string
	passing bool // it passes when the database or the way to it is better
	noRoom  bool
	err     error
}

func (w *wordedError) Error() string { return fmt.Sprintf("%v (%s)", w.err, w.remedy) }
func (w *wordedError) Unwrap() error { return w.err }

// again tells an error after which the same transaction may run again and succeed: it met another one.
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// inWords adds to what PostgreSQL says what an operator can do.
func inWords(err error) error {
	var already *wordedError
	if err == nil || errors.As(err, &already) {
		return err
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		if w := wordsFor(said.Code); w.remedy != "" {
			w.err = err
			return &w
		}
		return err
	}
	if remedy := tlsRemedy(err); remedy != "" {
		return &wordedError{remedy: remedy, passing: true, err: err} // when somebody has mended it, without a restart of the node
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) {
		return &wordedError{remedy: "see whether the database runs and can be reached from here", passing: true, err: err}
	}
	return err
}

// tlsRemedy is what to do where a connection fails because the server cannot prove who it is; "" where it fails for another reason.
func tlsRemedy(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "sslrootcert in [ledger] url has to name the file of the authority that the server's certificate comes from; " +
			"without it the authorities of the system count"
	case errors.As(err, &name):
		return "name the host in [ledger] url as the server's certificate has it, or give the server one for that name"
	case errors.As(err, &invalid):
		return "give the server a certificate that is valid, and see whether the clock of this machine is right"
	case strings.Contains(err.Error(), "server refused TLS connection"): // the library has no value for it
		return "the server speaks no TLS: set ssl = on, ssl_cert_file and ssl_key_file in its postgresql.conf; " +
			"[ledger] insecure and sslmode=disable do without"
	}
	return ""
}

// InWords adds to what PostgreSQL says, to a connection of whomever, what an operator can do.
func InWords(err error) error { return inWords(err) }

// wordsFor a code of PostgreSQL, or a class of codes.
func wordsFor(code string) wordedError {
	switch {
	case code == "53100":
		return wordedError{remedy: "make room on the disk of the database", passing: true, noRoom: true}
	case code == "53300":
		return wordedError{remedy: "raise max_connections of the database", passing: true}
	case code == "40001", code == "40P01", code == "55P03":
		return wordedError{remedy: "it met other transactions again and again: try again", passing: true}
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), code == "57014", strings.HasPrefix(code, "53"):
		return wordedError{remedy: "see whether the database runs and can be reached from here", passing: true}
	case code == "25P03":
		return wordedError{remedy: "this process stood still for seconds: see what its machine is busy with", passing: true}
	case code == "25006":
		return wordedError{remedy: "this server only reads: name the one that writes in [ledger] url", passing: true}
	case strings.HasPrefix(code, "28"):
		return wordedError{remedy: "check user, password_file and pg_hba.conf", passing: true} // when both sides have the new password
	case code == "3D000":
		return wordedError{remedy: "create the database, or name another one in [ledger] url"}
	case code == "42501":
		return wordedError{remedy: "the user needs the rights to make and use tables in this database: let it own the database"}
	case strings.HasPrefix(code, "58"), strings.HasPrefix(code, "XX"):
		return wordedError{remedy: "look into the log of the database"}
	}
	return wordedError{}
}
