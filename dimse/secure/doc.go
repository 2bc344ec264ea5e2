// Package secure makes TLS configurations for DICOM out of PEM files: the BCP 195 profile of PS3.15 B.12, that is TLS 1.2
// with forward secrecy and authenticated encryption, and TLS 1.3; nothing older can be negotiated.
//
// An Identity is a certificate with its key and the authorities that it trusts. It looks at its files whenever a peer
// connects and takes new ones without a restart; files that cannot be used leave the old ones in place and are logged. The
// package opens no port and knows nothing of application entities.
package secure
