//go:build packages

package packaging

// unready is for a program that does not tell systemd when it is ready.
const unready = `printf '[Service]\nType=exec\nWatchdogSec=0\n' >/etc/systemd/system/jcsnode.service.d/unready.conf`
