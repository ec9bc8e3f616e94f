package command

import (
	"os"

	"golang.org/x/sys/unix"
)

// flushInput has a terminal forget what was typed and not read. Where that fails
// nothing is forgotten, and the console still drops the lines that came too early.
func flushInput(f *os.File) { _ = unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH) }
