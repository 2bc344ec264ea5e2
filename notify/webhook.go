package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

const (
	// maxAnswer is how much of an answer is read, in bytes. Nothing in it is used.
	maxAnswer = 64 << 10
	// maxAnswerHeader bounds the header of an answer, in bytes.
	maxAnswerHeader = 64 << 10
	// maxRetryAfter is the longest wait that a receiver can ask for.
	maxRetryAfter = 6 * time.Hour
)

// Webhook is where events go.
type Webhook struct {
	Name    string
	URL     string
	Secret  func() ([]byte, error) // key of the signature, read for each request so that it can be changed
	TLS     *tls.Config            // nil: that of the system
	Timeout time.Duration          // of a whole request
	Agent   string                 // User-Agent

	Insecure bool // http to other machines is allowed
}

// HTTPError is an answer other than success.
type HTTPError struct {
	StatusCode int
	RetryAfter time.Duration // the receiver asks for, 0 if it does not
}

func (r *HTTPError) Error() string {
	text := fmt.Sprintf("HTTP %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if r.StatusCode/100 == 3 {
		text += ": redirections are not followed, correct the URL"
	}
	return text
}

// Post sends one event, signed at now, and returns the code of an answer that says success: 2xx. Every other answer is a *Refusal.
func (r *Webhook) Post(ctx context.Context, eventID string, body []byte, now time.Time) (code int, err error) {
	secret, err := r.Secret()
	if err != nil {
		return 0, fmt.Errorf("read the secret: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return 0, withoutURL(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": r.Agent, HeaderEvent: eventID,
		HeaderTimestamp: timestamp(now), HeaderSignature: Sign(secret, now, body)} {
		rq.Header.Set(name, value)
	}
	answer, err := r.client().Do(rq)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer answer.Body.Close()
	// The code is the answer; what else comes is taken off the wire, as far as it is short.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return 0, &HTTPError{answer.StatusCode, retryAfter(answer.Header.Get("Retry-After"))}
	}
	return answer.StatusCode, nil
}

// client makes one connection for one request: events are rare.
func (r *Webhook) client() *http.Client {
	dialer := &net.Dialer{}
	if !r.Insecure {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return r.allowed(address) }
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: r.TLS.Clone(), DisableKeepAlives: true, DisableCompression: true,
			MaxResponseHeaderBytes: maxAnswerHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// allowed refuses to send in the clear to another machine, whatever its name was resolved to.
func (r *Webhook) allowed(address string) error {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme == "https" {
		return err
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !to.Addr().IsLoopback() {
		return fmt.Errorf("%s is another machine, and the URL is no https", to.Addr())
	}
	return nil
}

// withoutURL takes the URL out of an error: it may hold a token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads the header of that name, its seconds alone (RFC 9110 10.2.3).
func retryAfter(value string) time.Duration {
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 1<<20))*time.Second, maxRetryAfter)
}
