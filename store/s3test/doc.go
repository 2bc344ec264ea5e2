// Package s3test runs a real S3-compatible store for tests: versitygw over a folder, on a free port of this machine.
package s3test
