package model

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	debversion "github.com/knqyf263/go-deb-version"
)

// DebianSource is the part of an update that only a Debian archive's update
// has. One update stands for one version of one source package in one release
// of one archive (design 6).
type DebianSource struct {
	Archive  string          `cbor:"1,keyasint" json:"archive"` // Origin of the archive's InRelease, such as "Debian"
	Release  string          `cbor:"2,keyasint" json:"release"` // codename without -security and -updates, such as "bookworm"
	Source   string          `cbor:"3,keyasint" json:"source"`
	Version  string          `cbor:"4,keyasint" json:"version"`
	Suites   []string        `cbor:"5,keyasint" json:"suites"` // codenames that offer it, sorted: "bookworm", "bookworm-security"
	Section  string          `cbor:"6,keyasint,omitempty" json:"section,omitempty"`
	Packages []DebianPackage `cbor:"7,keyasint" json:"packages"` // sorted by name, architecture, version
}

// DebianPackage is one binary package of a Debian update, as its index
// describes it.
type DebianPackage struct {
	Name     string `cbor:"1,keyasint" json:"name"`
	Arch     string `cbor:"2,keyasint" json:"arch"`
	Version  string `cbor:"3,keyasint" json:"version"` // differs from the source's in a rebuild ("+b1")
	Size     int64  `cbor:"4,keyasint" json:"size"`
	SHA256   []byte `cbor:"5,keyasint" json:"sha256"`
	Filename string `cbor:"6,keyasint" json:"filename"`                   // path below the archive's base address
	Phased   uint8  `cbor:"7,keyasint,omitempty" json:"phased,omitempty"` // Phased-Update-Percentage; 0 = not phased
	Suites   uint8  `cbor:"8,keyasint,omitempty" json:"-"`                // bit i: offered by Suites[i] of the source
}

// DebianID makes the identifier of a Debian update.
func DebianID(archive, release, source, version string) UpdateID {
	return UpdateID("deb/" + archive + "/" + release + "/" + source + "/" + version)
}

// ID is the identifier of the update that the source belongs to.
func (d *DebianSource) ID() UpdateID { return DebianID(d.Archive, d.Release, d.Source, d.Version) }

var (
	// Debian policy 5.6.7 and 5.6.12; the archive itself allows upper case in
	// neither. A colon only separates the epoch.
	packageName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	packageVersion = regexp.MustCompile(`^(?:[0-9]+:)?[0-9A-Za-z][0-9A-Za-z.+~-]*$`)
	architecture   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	archiveName    = regexp.MustCompile(`^[0-9A-Za-z.][0-9A-Za-z .+_:-]*$`)
)

// CheckPackage refuses a name, architecture or version outside Debian's own
// grammar, so that nothing hostile reaches a command line (peers 6c.13).
func CheckPackage(name, arch, version string) error {
	switch {
	case len(name) > 200 || !packageName.MatchString(name):
		return fmt.Errorf("package name %q is not one of Debian's grammar", Clean(name))
	case !architecture.MatchString(arch):
		return fmt.Errorf("architecture %q of package %s is not one of Debian's grammar", Clean(arch), name)
	case len(version) > 200 || !packageVersion.MatchString(version):
		return fmt.Errorf("version %q of package %s is not one of Debian's grammar", Clean(version), name)
	}
	return nil
}

// CheckArchive refuses an Origin or codename that could not stand in an
// identifier: they are separated by slashes there.
func CheckArchive(origin, codename string) error {
	if len(origin) > 100 || !archiveName.MatchString(origin) {
		return fmt.Errorf("the archive's Origin %q cannot be used as a name", Clean(origin))
	}
	if len(codename) > 100 || !archiveName.MatchString(codename) {
		return fmt.Errorf("the archive's codename %q cannot be used as a name", Clean(codename))
	}
	return nil
}

// DebianRelease maps the codename of a suite to the release that it belongs to:
// security and updates suites belong to their release, backports and the rest
// are releases of their own.
func DebianRelease(codename string) string {
	for _, tail := range []string{"-security", "-updates"} {
		if base, ok := strings.CutSuffix(codename, tail); ok && base != "" {
			return base
		}
	}
	// Debian 10 and older named the security suite "buster/updates".
	return strings.TrimSuffix(codename, "/updates")
}

// SecuritySuite says whether a suite brings security updates. The label or the
// codename decides, never a package's name (offline-catalogues E.2).
func SecuritySuite(codename, label string) bool {
	return strings.HasSuffix(codename, "-security") || label == "Debian-Security" || strings.HasSuffix(codename, "/updates")
}

// CompareDebianVersions orders two versions as dpkg does: negative when a is
// lower. A version that cannot be parsed sorts before every other.
func CompareDebianVersions(a, b string) int {
	if a == b {
		return 0
	}
	va, errA := debversion.NewVersion(a)
	vb, errB := debversion.NewVersion(b)
	switch {
	case errA != nil && errB != nil:
		return cmp.Compare(a, b)
	case errA != nil:
		return -1
	case errB != nil:
		return 1
	}
	return cmp.Compare(va.Compare(vb), 0)
}

// SortPackages puts packages in the order in which a DebianSource keeps them.
func SortPackages(p []DebianPackage) {
	slices.SortFunc(p, func(a, b DebianPackage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), CompareDebianVersions(a.Version, b.Version))
	})
}
