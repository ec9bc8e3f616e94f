package store

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"fettle/model"
)

// From how many free bytes on disks are a notice. The store refuses to write at
// its reserve; a monthly update of one Windows product is about a gigabyte.
const (
	lowSpace     = 1 << 30
	scarceSpace  = 3 * reserve
	lowContent   = 4 << 30
	measureEvery = time.Minute
)

// measured is how much was free when it was last asked: a busy server has many
// snapshots a second, and disks do not fill that fast.
type measured struct {
	mu   sync.Mutex
	at   time.Time
	free map[string]uint64
}

// freeOf gives the free bytes of a directory's disk, at most a minute old; false
// when they are not known, because the directory is not there, say.
func (s *Store) freeOf(dir string, now time.Time) (uint64, bool) {
	m := &s.measured
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := now.Sub(m.at); m.free == nil || age < 0 || age >= measureEvery {
		m.at, m.free = now, map[string]uint64{}
	}
	free, ok := m.free[dir]
	if !ok {
		var err error
		if free, err = s.options.Free(dir); err != nil {
			return 0, false
		}
		m.free[dir] = free
	}
	return free, true
}

// spaceNotices tell of disks that are nearly full: that of the store, and that
// of the content directory where it is another one.
func (s *Snapshot) spaceNotices(now time.Time, add func(model.Notice)) {
	dir := s.store.options.Dir
	n := model.Notice{Kind: "space", Level: model.NoticeWarning, View: "cleanup", Remedy: "fettle cleanup"}
	if free, ok := s.store.freeOf(dir, now); ok && free < lowSpace {
		n.Text = fmt.Sprintf("Only %d MB are free on the disk of the store (%s).", free>>20, model.Clean(dir))
		if free < scarceSpace {
			n.Level = model.NoticeError
			n.Text = fmt.Sprintf("Only %d MB are free on the disk of the store (%s); nothing is written below %d MB.", free>>20, model.Clean(dir), reserve>>20)
		}
		add(n)
	}
	content := s.settings.ContentDir
	if content == "" || sameDisk(dir, content) {
		return // the default directory is below that of the store
	}
	if free, ok := s.store.freeOf(content, now); ok && free < lowContent {
		n.Kind, n.Level = "content-space", model.NoticeWarning
		n.Text = fmt.Sprintf("Only %d MB are free on the disk of the content (%s).", free>>20, model.Clean(content))
		add(n)
	}
}

// sameDisk says whether two directories are on one file system, as far as that
// can be told.
func sameDisk(a, b string) bool {
	var x, y syscall.Stat_t
	return syscall.Stat(a, &x) == nil && syscall.Stat(b, &y) == nil && x.Dev == y.Dev
}
