package store

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// releasePages tells the kernel that the mapped tables of a store are not needed
// in memory for now. Loading reads each of them once, and while memory is
// plentiful the kernel would count them as this process's for months. A page
// that is asked for later is read again.
//
// The mappings are found by name, beside a compactor that may remove one
// meanwhile, and whatever is mapped there then must not be harmed. So it is
// MADV_PAGEOUT, which changes no memory, and not MADV_DONTNEED. A kernel older
// than 5.4 does not know it, and everything stays as it was.
func releasePages(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		line := lines.Text()
		at := strings.Index(line, dir+string(filepath.Separator))
		if at < 0 || !strings.HasSuffix(line, ".sst") && !strings.HasSuffix(line, ".vlog") {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil || to <= from {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_PAGEOUT); errno != 0 {
			return errno
		}
	}
	return lines.Err()
}
