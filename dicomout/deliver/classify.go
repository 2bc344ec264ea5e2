package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"

	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/netfault"
)

// Result is what became of one object. The names are stored in the ledger.
type Result string

const (
	// Sent: the peer answered success for this instance.
	Sent Result = "sent"
	// SentWithWarning: the peer has the instance and says something about it, or had it before.
	SentWithWarning Result = "sent with warning"
	// Temporary: not delivered, worth another attempt by the schedule of the Retry class.
	Temporary Result = "temporary"
	// Permanent: the peer will not take this object; nothing happens without a person or another configuration.
	Permanent Result = "permanent"
)

// Verdict is the reading of an answer, or of its absence.
type Verdict struct {
	Result Result
	Retry  Retry
	Text   string // what happened
	Remedy string // what to do about it; "" when there is nothing to do
}

// ClassifyStatus reads the status of a C-STORE response (PS3.4 B.2.3, PS3.7 annex C) and the peer's error comment, which may be
// empty.
func ClassifyStatus(status dimse.Status, comment string) Verdict {
	v := classifyStatus(status)
	if v.Text == "" {
		v.Text = "peer answered " + status.String()
	}
	if comment != "" {
		v.Text += fmt.Sprintf(" and said %q", comment)
	}
	return v
}

func classifyStatus(status dimse.Status) Verdict {
	const look = "look at the peer's log for this instance; retry it by hand once the cause is gone"
	switch {
	case status == dimse.StatusSuccess:
		return Verdict{Sent, RetryNever, "stored", ""}
	case status == dimse.StatusDuplicateInstance: // our UIDs are derived from the content, so it is this very object
		return Verdict{SentWithWarning, RetryNever, "peer has this instance already (0111H duplicate SOP instance)", ""}
	case status.Class() == dimse.ClassWarning:
		return Verdict{SentWithWarning, RetryNever, "stored with warning " + status.String(), ""}
	case status>>8 == 0xA7:
		return Verdict{Temporary, RetrySlow, "peer cannot store now, " + status.String(),
			"free space on the peer; many archives answer this for any failure, see the peer's log"}
	case status>>8 == 0xA9, status>>12 == 0xC:
		return Verdict{Permanent, RetryNever, "peer does not want this object, " + status.String(), look}
	case status == dimse.StatusInvalidInstance, status == dimse.StatusClassNotSupported, status == 0x0118, status == 0x0119:
		return Verdict{Permanent, RetryNever, "peer does not take this class or instance, " + status.String(),
			"enable the SOP class on the peer, or switch this kind of object off for the destination"}
	case status == dimse.StatusNotAuthorized:
		return Verdict{Permanent, RetryNever, "peer does not authorise us, " + status.String(),
			"grant this calling AE title the right to store on the peer"}
	case status == dimse.StatusUnrecognizedOperation, status == 0x0212: // 0212H: mistyped argument
		return Verdict{Permanent, RetryNever, "peer does not understand C-STORE, " + status.String(),
			"check that address and called AE title are those of a storage service"}
	default: // 0110H processing failure, 0213H resource limitation, and whatever else a peer makes up
		return Verdict{Temporary, RetryFew, "peer failed, " + status.String(), look}
	}
}

// classifyStray reads a response that is about another instance or class than was sent: whatever it says, it says nothing about ours.
func classifyStray(r dimse.Response) Verdict {
	return Verdict{Temporary, RetryFew, fmt.Sprintf("peer answered %v for another object than was sent, %s", r.Status, r.Stray),
		"look at the peer, or a proxy before it: it mixes answers up, or renames what it stores, " +
			"and then nothing that refers to the object finds it"}
}

// classifyEnd reads how an association ended while an object was on its way. Where the others get through, it is that object's fault.
func classifyEnd(err error) Verdict {
	v := ClassifyError(err)
	if !errors.Is(err, context.Canceled) {
		v.Retry = RetryAlone
		v.Text += ", while this object was on its way"
		v.Remedy += "; if others get through, look at the peer's log for this object"
	}
	return v
}

// notDICOM is what to do about somebody else who answers.
const notDICOM = "check that address and port are those of a DICOM storage service"

// ClassifyError reads why an association could not be made, or how it ended: a rejection, or trouble of the transport. Err must
// not be nil. The result is never Sent: an instance whose response has not arrived counts as not sent.
func ClassifyError(err error) Verdict {
	var rejection *dimse.Rejection
	if errors.As(err, &rejection) {
		return classifyRejection(rejection)
	}
	var abort *dimse.AbortError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var operation *net.OpError
	words := netfault.Words(err)
	names, wrongName := netfault.WrongName(err)
	const transport = "check that the destination is up and that nothing between drops connections"
	switch {
	case errors.Is(err, context.Canceled):
		return Verdict{Temporary, RetrySoon, "delivery was stopped on our side", ""}
	case errors.As(err, &dns):
		return Verdict{Temporary, RetrySoon, "host name of the destination was not resolved: " + words,
			"check the address and the name service"}
	case errors.Is(err, dimse.ErrNoTLS), errors.As(err, &record):
		return Verdict{Temporary, RetryProbe, "destination does not speak TLS: " + words,
			"correct the port, or set tls = false for the destination"}
	case errors.Is(err, dimse.ErrSpeaksTLS):
		return Verdict{Temporary, RetryProbe, "destination speaks TLS: " + words, "set tls = true for the destination, or correct the port"}
	case errors.Is(err, dimse.ErrNotDICOM):
		return Verdict{Temporary, RetryProbe, "destination does not speak DICOM: " + words, notDICOM}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Verdict{Temporary, RetrySoon, "peer did not answer in time: " + words, transport}
	case wrongName && len(names) > 0:
		return Verdict{Temporary, RetryProbe, "certificate of the destination has another name: " + words,
			fmt.Sprintf("if it is the right machine, set tls_name = %q for the destination", names[0])}
	case wrongName:
		return Verdict{Temporary, RetryProbe, "certificate of the destination has another name: " + words,
			"have it given a certificate with its DNS name or address"}
	case errors.As(err, &certificate):
		return Verdict{Temporary, RetryProbe, "certificate of the destination is not trusted: " + words,
			"add its certificate authority to the configuration, or renew its certificate"}
	case errors.As(err, &operation) && operation.Op == "remote error": // an alert, by which crypto/tls names it alone
		return Verdict{Temporary, RetryProbe, "destination refused the TLS handshake: " + words,
			"check that the destination trusts our certificate"}
	case errors.As(err, &abort):
		return Verdict{Temporary, RetrySoon, "association was aborted: " + words, transport}
	default:
		return Verdict{Temporary, RetrySoon, "connection failed: " + words, transport}
	}
}

// classifyRejection reads an A-ASSOCIATE-RJ (PS3.8 9.3.4): a transient one is worth waiting, a permanent one needs people.
func classifyRejection(r *dimse.Rejection) Verdict {
	if r.Temporary() {
		return Verdict{Temporary, RetrySoon, r.Error(), "if this lasts, raise the peer's limit of associations"}
	}
	switch [2]byte{r.Source, r.Reason} {
	case [2]byte{1, 3}:
		return Verdict{Temporary, RetryProbe, r.Error(), "add our AE title and address to the peer's list of senders"}
	case [2]byte{1, 7}:
		return Verdict{Temporary, RetryProbe, r.Error(), "correct the AE title of the destination in the configuration"}
	case [2]byte{1, 2}, [2]byte{2, 2}: // application context, protocol version
		return Verdict{Temporary, RetryProbe, r.Error(), notDICOM}
	default: // 1/1, 2/1: no reason given, and codes that the standard does not know
		return Verdict{Temporary, RetryFewSlow, r.Error(), "ask the peer's administrator what its log says"}
	}
}

// classifyContexts says why none of the syntaxes that we can encode the object in was accepted. The results are those of the
// presentation contexts proposed for its class (PS3.8 9.3.3.2).
func classifyContexts(sopClassUID string, results []byte) Verdict {
	reason := "the class"
	for _, r := range results {
		if r == pdu.ResultTransferSyntaxesNotSupported {
			reason = "our transfer syntaxes"
		}
	}
	return Verdict{Permanent, RetryNever,
		fmt.Sprintf("peer does not accept %s for SOP class %s (presentation context results %v)", reason, sopClassUID, results),
		"enable the SOP class and Explicit or Implicit VR Little Endian on the peer, or switch this kind of object off for the destination"}
}
