package apt

import (
	"fmt"
	"regexp"
	"strings"

	"fettle/model"
)

// Change is one package that apt would install, upgrade or remove.
type Change struct {
	Package string
	Arch    string
	From    string // empty = new
	To      string // empty = removed
}

// Simulation is what apt-get -s says it would do.
type Simulation struct {
	Install []Change
	Remove  []Change
	Kept    []string // "The following packages have been kept back"
	Failure *Failure // why apt would do nothing at all
}

var (
	instLine = regexp.MustCompile(`^Inst ([^\s:]+)(?::(\S+))? (?:\[([^\]]*)\] )?\((\S+)(?: .*)? \[([a-z0-9-]+)\]\)`)
	remvLine = regexp.MustCompile(`^(?:Remv|Purg) ([^\s:]+)(?::(\S+))? \[([^\]]*)\]`)
)

// ParseSimulation reads the output of apt-get -s. A line that begins like a
// change and cannot be read is an error: to overlook one would be to install
// something that nobody approved.
func ParseSimulation(out string) (*Simulation, error) {
	s := &Simulation{}
	kept := false
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if kept && strings.HasPrefix(line, " ") {
			s.Kept = append(s.Kept, strings.Fields(line)...)
			continue
		}
		kept = strings.HasPrefix(line, "The following packages have been kept back:") || strings.HasPrefix(line, "The following upgrades have been deferred due to phasing:")
		switch {
		case strings.HasPrefix(line, "Inst "):
			m := instLine.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("apt-get -s answered %.120q, which cannot be read", line)
			}
			c := Change{Package: m[1], Arch: m[5], From: m[3], To: m[4]}
			if err := model.CheckPackage(c.Package, c.Arch, c.To); err != nil {
				return nil, fmt.Errorf("apt-get -s: %w", err)
			}
			s.Install = append(s.Install, c)
		case strings.HasPrefix(line, "Remv "), strings.HasPrefix(line, "Purg "):
			m := remvLine.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("apt-get -s answered %.120q, which cannot be read", line)
			}
			s.Remove = append(s.Remove, Change{Package: m[1], Arch: m[2], From: m[3]})
		}
	}
	return s, nil
}

// Check compares the simulation with the items that are wanted and refuses
// whatever differs: an installation nobody planned, another version, a removal,
// a downgrade, and what apt would not do (peers 6c.3, design 7).
func (s *Simulation) Check(items []model.PlanItem, native string) error {
	if s.Failure != nil {
		return s.Failure
	}
	var differences []string
	wanted := make(map[string]*model.PlanItem, len(items))
	for i := range items {
		wanted[Key(items[i].Package, items[i].Arch, native)] = &items[i]
	}
	for _, c := range s.Remove {
		differences = append(differences, "it would remove "+c.Package+" "+c.From)
	}
	for _, c := range s.Install {
		key := Key(c.Package, c.Arch, native)
		it := wanted[key]
		delete(wanted, key)
		switch {
		case it == nil && c.From == "":
			differences = append(differences, "it would install "+c.Package+" "+c.To+", a new package outside the plan")
		case it == nil:
			differences = append(differences, "it would change "+c.Package+" from "+c.From+" to "+c.To+", which the plan does not name")
		case it.To != c.To:
			differences = append(differences, "it would install "+c.Package+" "+c.To+" instead of "+it.To)
		case c.From != "" && model.CompareDebianVersions(c.To, c.From) < 0:
			differences = append(differences, "it would lower "+c.Package+" from "+c.From+" to "+c.To)
		case it.From != c.From:
			differences = append(differences, fmt.Sprintf("%s is at %s now, but the plan was made for %s", c.Package, orNone(c.From), orNone(it.From)))
		}
	}
	for i := range items {
		if it := &items[i]; wanted[Key(it.Package, it.Arch, native)] == it {
			differences = append(differences, "it would not install "+it.Package+" "+it.To)
		}
	}
	if len(differences) == 0 {
		return nil
	}
	more := ""
	if n := len(differences) - 10; n > 0 {
		differences, more = differences[:10], fmt.Sprintf("; and %d more differences", n)
	}
	return &model.Refusal{
		Code: "plan", What: "apt would not do exactly what the plan says, so nothing was installed",
		Why:    strings.Join(differences, "; ") + more,
		Remedy: "fettle agent check-in (the computer scans again and gets a new plan)",
	}
}

func orNone(version string) string {
	if version == "" {
		return "not installed"
	}
	return version
}
