package apt

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"fettle/model"
)

// Busy names the program that holds dpkg's locks now; empty when nobody does,
// or when we may not ask.
func (s *System) Busy() string {
	for _, name := range []string{"var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"} {
		if who := lockHolder(s.path(name)); who != "" {
			return who
		}
	}
	return ""
}

// lockHolder asks the kernel: dpkg's locks are record locks, so it knows their
// holder.
func lockHolder(path string) string {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil || lock.Type == unix.F_UNLCK {
		return ""
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", lock.Pid)) // it may have ended meanwhile
	return strings.TrimSpace(fmt.Sprintf("%s (process %d)", model.Clean(strings.TrimSpace(string(name))), lock.Pid))
}
