package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"

	"github.com/minio/minio-go/v7"

	"jcsnode/netfault"
	"jcsnode/store"
)

// errLied is for content that is not what was written. It does not pass by itself.
var errLied = errors.New("the store gives other bytes than those that were written")

// lied is the fault of an object that is not what it should be.
func lied(doing, name string, err error) error {
	return &store.Error{Far: true, Err: fmt.Errorf("%s %s: %w: %w", doing, name, errLied, err)}
}

// answers are codes of services and what they mean. Whatever a person can mend without touching the files is temporary: a study must
// wait for that, and not be read without the slices that cannot be had.
var answers = []struct {
	codes []string
	kind  error
	words string
}{
	{[]string{"NoSuchBucket"}, store.ErrTemporary, "there is no such bucket: make it, or correct store.bucket"},
	{[]string{"InvalidAccessKeyId", "XAdminUserNotFound"}, store.ErrTemporary, "it does not know the access key: check the credentials"},
	{[]string{"SignatureDoesNotMatch"}, store.ErrTemporary, "the secret key is wrong: check the credentials"},
	{[]string{"RequestTimeTooSkewed"}, store.ErrTemporary, "its clock and that of this machine differ by more than it bears: set them"},
	{[]string{"ExpiredToken", "ExpiredTokenException", "InvalidToken"}, store.ErrTemporary,
		"the session token has expired: renew the credentials"},
	{[]string{"QuotaExceeded", "StorageFull", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded",
		"InsufficientCapacity", "EntityTooLarge"}, store.ErrFull, "it is full, or the quota of the bucket is spent: make room there"},
	{[]string{"SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestTimeout"},
		store.ErrTemporary, "it cannot keep up and asks to be spared"},
	{[]string{"PreconditionFailed"}, store.ErrTemporary, "the file was replaced while it was read"},
	{[]string{"AccessDenied", "AllAccessDisabled", "AccountProblem"}, store.ErrTemporary,
		"it refuses this access key the right to that: check the policy of the bucket"},
}

// fault makes an error of a request one of the store. doing is the right that the request needs, in a word: "get", "put", "delete", "list".
func fault(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	told := &store.Error{}
	if errors.As(err, &told) {
		return err
	}
	words, kind := explain(err)
	text := fmt.Sprintf("%s %s in the object store: %s", doing, name, words)
	return &store.Error{Kind: kind, Far: true, Err: &worded{text: text, cause: err}}
}

// worded is an error with a text for people and a cause for programs.
type worded struct {
	text  string
	cause error
}

func (e *worded) Error() string { return e.text }
func (e *worded) Unwrap() error { return e.cause }

func explain(err error) (words string, kind error) {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		var network net.Error
		if errors.As(err, &network) && network.Timeout() {
			return "no answer in time", store.ErrTemporary // which net/http says in words of its own
		}
		if isNetwork(err) {
			kind = store.ErrTemporary
		}
		return netfault.Words(err), kind
	}
	for _, a := range answers {
		if slices.Contains(a.codes, answer.Code) {
			return a.words + " (" + answer.Code + ")", a.kind
		}
	}
	code := answer.Code
	if answer.StatusCode > 0 {
		code = fmt.Sprintf("%s, HTTP %d", code, answer.StatusCode)
	}
	switch {
	case answer.StatusCode == http.StatusInsufficientStorage:
		return "it is full: make room there (" + code + ")", store.ErrFull
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout:
		return "it fails: look at its log (" + code + ")", store.ErrTemporary
	case answer.StatusCode == http.StatusNotFound && answer.XMLName.Local == "":
		return "what answers there is no object store, or its proxy: correct store.endpoint, or look whether it runs (" + code + ")",
			store.ErrTemporary
	case conflict(err):
		return "another request for it is under way (" + code + ")", store.ErrTemporary
	case answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized:
		return "it refuses (" + code + "): check credentials and the policy of the bucket", store.ErrTemporary
	}
	return fmt.Sprintf("%s (%s)", answer.Message, code), nil
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// notFound tells whether a service answered that there is no such object. An answer that is no document of S3 may be that of a proxy
// in front of a service that is away, and one to HEAD, which has no text, may be about the access key.
func notFound(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.Code == "NoSuchKey" && answer.XMLName.Local != ""
}

// perhaps tells whether an answer to HEAD may be notFound.
func perhaps(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// conflict tells whether a request met another one for the same key, and may be sent again.
func conflict(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusConflict
}

func missing(name string) error {
	return &store.Error{Kind: store.ErrNotFound, Far: true, Err: fmt.Errorf("%s is not in the object store: %w", name, fs.ErrNotExist)}
}

func temporary(err error) bool { return errors.Is(err, store.ErrTemporary) }
