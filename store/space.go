package store

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"fettle/model"
)

// reserve is how much must be free on the disk before anything is written, in
// bytes. Badger writes through memory maps of sparse files: when the disk is
// full, such a write does not fail but kills the process. So the store refuses
// in time: two memtables, a flush of both and a value log's growth fit into it.
const reserve = 80 << 20

// freeSpace tells how many bytes an ordinary user may still write to the file
// system of a directory.
func freeSpace(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// checkOwner refuses to open another user's store as root: the files that root
// would leave in it would lock its owner out.
func checkOwner(data, dir string) error {
	var st syscall.Stat_t
	if os.Geteuid() != 0 || syscall.Stat(dir, &st) != nil || st.Uid == 0 {
		return nil
	}
	owner := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return &model.Refusal{Code: "owner", What: "The store was not opened",
		Why:    fmt.Sprintf("the one in %s belongs to %s, and files that root leaves there would lock %s out", data, owner, owner),
		Remedy: fmt.Sprintf("sudo -u %s fettle ..., or a data directory of root's own", owner)}
}

// checkSpace refuses to write when the disk is nearly full.
func (o Options) checkSpace() error {
	free, err := o.Free(o.Dir)
	if err != nil {
		return err
	}
	if free < reserve {
		return &model.Refusal{Code: "disk-full", What: "Nothing was written",
			Why:    fmt.Sprintf("the disk of %s has only %d MB free, and the store keeps %d MB in reserve so that it cannot be damaged", o.Dir, free>>20, reserve>>20),
			Remedy: "free some space and do it again"}
	}
	return nil
}
