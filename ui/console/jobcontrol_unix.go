//go:build unix

package console

import (
	"os"

	"golang.org/x/sys/unix"
)

// jobControl says whether stopping the program gives the terminal back to a
// shell. The kernel drops the stop signal of an orphaned process group, and
// Bubble Tea would wait for ever for the signal to go on (terminal finding 10):
// the parent must be in the same session, in another process group.
func jobControl() bool {
	parent := os.Getppid()
	session, err := unix.Getsid(0)
	if err != nil || parent <= 1 {
		return false
	}
	parentSession, err := unix.Getsid(parent)
	if err != nil || parentSession != session {
		return false
	}
	group, err := unix.Getpgid(parent)
	return err == nil && group != unix.Getpgrp()
}
