package content

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the store for this process.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}

// clone lets a new file share the bytes of another until one of them changes,
// where the file system can do that.
func clone(to, from *os.File) bool {
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil
}

// link gives an open file a second name below the store's root. The descriptor,
// not a path, says which file is meant.
func link(from *os.File, root *os.Root, name string) bool {
	folder, err := root.Open(folderIncoming)
	if err != nil {
		return false
	}
	defer folder.Close()
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", from.Fd()), int(folder.Fd()), name, unix.AT_SYMLINK_FOLLOW) == nil
}
