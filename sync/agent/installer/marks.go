package installer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"fettle/model"
	"fettle/sync/agent/apt"
)

// automatic lists the items that are not to be marked as installed by a person:
// those that were automatic before, and new dependencies.
func (s *server) automatic(items []model.PlanItem) ([]string, error) {
	names := make([]string, 0, len(items))
	var marks []string
	for _, it := range items {
		name := it.Package + ":" + it.Arch
		if it.Arch == "all" {
			name = it.Package
		}
		if it.From == "" && it.Reason == model.ItemNew {
			marks = append(marks, name)
		} else if it.From != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return marks, nil
	}
	res, err := s.runner.Run(context.Background(), apt.Command{Args: s.system.Args("apt-mark", append([]string{"showauto"}, names...)...)})
	if err != nil {
		return nil, fmt.Errorf("asking which packages are automatic: %w", err)
	}
	if f := apt.Classify(res); f != nil {
		return nil, fmt.Errorf("asking which packages are automatic: %w", f)
	}
	shown := strings.Fields(res.Stdout)
	for _, name := range names {
		short, _, _ := strings.Cut(name, ":")
		if slices.Contains(shown, name) || slices.Contains(shown, short) {
			marks = append(marks, name)
		}
	}
	return marks, nil
}

func (s *server) markAutomatic(names []string) error {
	if len(names) == 0 {
		return nil
	}
	res, err := s.runner.Run(context.Background(), apt.Command{Args: s.system.Args("apt-mark", append([]string{"auto"}, names...)...)})
	if err != nil {
		return fmt.Errorf("marking packages as automatic: %w", err)
	}
	if f := apt.Classify(res); f != nil {
		return fmt.Errorf("marking packages as automatic: %w", f)
	}
	return nil
}

// conffile is a new version of a configuration file that lies beside the one
// which was kept. Its identity tells it from one that lay there before.
type conffile struct {
	path    string
	inode   uint64
	changed unix.Timespec
}

// keptConffiles finds the .dpkg-dist and .ucf-dist files of the items' packages.
func (s *server) keptConffiles(items []model.PlanItem) []conffile {
	var found []conffile
	look := func(path string) {
		for _, ext := range []string{".dpkg-dist", ".ucf-dist", ".dpkg-new"} {
			var st unix.Stat_t
			if err := unix.Stat(s.path(path+ext), &st); err == nil {
				found = append(found, conffile{path: filepath.Join("/", path+ext), inode: st.Ino, changed: st.Ctim})
			}
		}
	}
	names := map[string]bool{}
	for _, it := range items {
		names[it.Package] = true
	}
	for _, path := range s.conffiles(names) {
		look(path)
	}
	return found
}

// conffiles lists the configuration files of packages, dpkg's and ucf's.
func (s *server) conffiles(names map[string]bool) []string {
	var paths []string
	if f, err := os.Open(s.path("var/lib/dpkg/status")); err == nil {
		defer f.Close()
		for stanza, err := range apt.Stanzas(f) {
			if err != nil {
				break
			}
			if !names[stanza["package"]] {
				continue
			}
			for line := range strings.Lines(stanza["conffiles"]) {
				if path, _, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
					paths = append(paths, path)
				}
			}
		}
	}
	f, err := os.Open(s.path("var/lib/ucf/registry"))
	if err != nil { // ucf is not installed
		return paths
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && names[fields[0]] {
			paths = append(paths, fields[1])
		}
	}
	return paths
}
