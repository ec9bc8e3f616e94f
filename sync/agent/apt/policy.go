package apt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"fettle/model"
)

// Index is one package file that apt takes packages from, as `apt-cache policy`
// lists it.
type Index struct {
	Description string // "http://mirror.example/debian bookworm/main amd64 Packages"
	model.PackageSource
}

var (
	indexLine     = regexp.MustCompile(`^ +(-?\d+) (\S.*)$`)
	releaseField  = regexp.MustCompile(`(?:^|,)([voanlcb])=`)
	versionLine   = regexp.MustCompile(`^ (\*\*\*|   ) (\S+) (-?\d+)(?: \(phased (\d+)%\))?$`)
	tableLine     = regexp.MustCompile(`^ {8,}(-?\d+) (\S.*)$`)
	candidateLine = regexp.MustCompile(`^  (Installed|Candidate): (.*)$`)
)

// ParseIndexes reads `apt-cache policy` without arguments. The index of
// installed packages is left out.
func ParseIndexes(out string) []Index {
	var list []Index
	var last *Index
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "Pinned packages:") {
			break
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "release ") && last != nil:
			parseRelease(strings.TrimPrefix(trimmed, "release "), &last.PackageSource)
		case strings.HasPrefix(trimmed, "origin ") && last != nil:
			last.Site = model.Clean(strings.TrimPrefix(trimmed, "origin "))
		default:
			m := indexLine.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			priority, err := strconv.Atoi(m[1])
			if err != nil {
				continue
			}
			list = append(list, Index{Description: m[2], PackageSource: model.PackageSource{Priority: priority}})
			last = &list[len(list)-1]
		}
	}
	kept := list[:0]
	for _, i := range list {
		if i.Suite != "now" { // the installed packages themselves
			kept = append(kept, i)
		}
	}
	return kept
}

// parseRelease reads "v=12,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64";
// values may hold commas.
func parseRelease(s string, src *model.PackageSource) {
	marks := releaseField.FindAllStringSubmatchIndex(s, -1)
	for i, m := range marks {
		end := len(s)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		value := model.Clean(s[m[1]:end])
		switch s[m[2]:m[3]] {
		case "o":
			src.Archive = value
		case "n":
			src.Codename = value
		case "a":
			src.Suite = value
		case "l":
			src.Label = value
		case "c":
			src.Component = value
		case "b":
			src.Arch = value
		}
	}
}

// Version is one version of a package in apt's version table.
type Version struct {
	Version  string
	Priority int
	Phased   int      // Phased-Update-Percentage; 100 when not phased
	Current  bool     // the installed one; another build of its version has an entry of its own
	Indexes  []string // descriptions of the indexes that offer it
}

// Policy is what apt thinks of one package.
type Policy struct {
	Package   string // "tzdata", or "libc6:i386" for another architecture than the native
	Installed string // empty = not installed
	Candidate string // empty = none
	Versions  []Version
}

// rebuilt says whether apt's candidate is another build of the installed
// version: it tells versions apart by their dependencies and size too, takes the
// first of the highest priority, and lists the package as upgradable to the
// version that it has.
func (p Policy) rebuilt() bool {
	if p.Candidate == "" || p.Candidate != p.Installed {
		return false
	}
	var best *Version
	for i := range p.Versions {
		v := &p.Versions[i]
		if v.Priority < 1000 && model.CompareDebianVersions(v.Version, p.Installed) < 0 || v.Priority <= 0 {
			continue
		}
		if best == nil || v.Priority > best.Priority {
			best = v
		}
	}
	return best != nil && !best.Current && best.Version == p.Installed
}

// ParsePolicies reads `apt-cache policy PACKAGE...`.
func ParsePolicies(out string) ([]Policy, error) {
	var list []Policy
	var p *Policy
	number := 0
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		number++
		if line != "" && line[0] != ' ' {
			name, ok := strings.CutSuffix(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("apt-cache policy answered in line %d: %.60q", number, line)
			}
			list = append(list, Policy{Package: name})
			p = &list[len(list)-1]
			continue
		}
		if p == nil {
			continue
		}
		if m := candidateLine.FindStringSubmatch(line); m != nil {
			v := m[2]
			if v == "(none)" {
				v = ""
			}
			if m[1] == "Installed" {
				p.Installed = v
			} else {
				p.Candidate = v
			}
			continue
		}
		if m := versionLine.FindStringSubmatch(line); m != nil {
			v := Version{Version: m[2], Phased: 100, Current: m[1] == "***"}
			v.Priority, _ = strconv.Atoi(m[3])
			if m[4] != "" {
				v.Phased, _ = strconv.Atoi(m[4])
			}
			p.Versions = append(p.Versions, v)
			continue
		}
		if m := tableLine.FindStringSubmatch(line); m != nil && len(p.Versions) > 0 {
			v := &p.Versions[len(p.Versions)-1]
			v.Indexes = append(v.Indexes, m[2])
		}
	}
	return list, nil
}
