package apt

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"fettle/model"
)

var packageStates = map[string]model.PackageState{
	"installed":        model.PackageInstalled,
	"half-configured":  model.PackageHalfConfigured,
	"unpacked":         model.PackageUnpacked,
	"half-installed":   model.PackageHalfInstalled,
	"triggers-awaited": model.PackageTriggers,
	"triggers-pending": model.PackageTriggers,
}

// ParseStatus reads dpkg's status file: the packages that are there, sorted by
// name and architecture. Removed packages whose configuration remains ("rc")
// are not (peers 6b). A file that cannot be read whole is an error: half an
// inventory would say "up to date" of what is not.
func ParseStatus(r io.Reader) ([]model.InstalledPackage, error) {
	var list []model.InstalledPackage
	for s, err := range Stanzas(r) {
		if err != nil {
			return nil, fmt.Errorf("reading dpkg's status: %w", err)
		}
		want, rest, _ := strings.Cut(s["status"], " ")
		_, status, ok := strings.Cut(rest, " ")
		if !ok {
			return nil, fmt.Errorf("reading dpkg's status: package %q has the status %q", model.Clean(s["package"]), model.Clean(s["status"]))
		}
		if status == "config-files" || status == "not-installed" {
			continue
		}
		state, known := packageStates[status]
		if !known {
			return nil, fmt.Errorf("reading dpkg's status: package %q has the unknown state %q", model.Clean(s["package"]), model.Clean(status))
		}
		p := model.InstalledPackage{Name: s["package"], Arch: s["architecture"], Version: s["version"], Held: want == "hold", State: state}
		if p.Version == "" && state == model.PackageHalfInstalled {
			continue // its first unpacking broke off: there is nothing yet to upgrade
		}
		if err := model.CheckPackage(p.Name, p.Arch, p.Version); err != nil {
			return nil, fmt.Errorf("reading dpkg's status: %w", err)
		}
		if source, version, _ := strings.Cut(s["source"], " "); source != "" {
			if source != p.Name {
				p.Source = source
			}
			if v := strings.Trim(version, "()"); v != p.Version {
				p.SourceVersion = v
			}
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b model.InstalledPackage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	return list, nil
}

// Key names a package as apt tells packages apart: architecture "all" is the
// native one's.
func Key(name, arch, native string) string {
	if arch == "all" {
		arch = native
	}
	return name + ":" + arch
}
