package apt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// batchSize is how many packages one apt-cache is asked about: command lines
// stay far below the system's limit.
const batchSize = 200

// explained is for how many kept-back packages a scan asks apt why; each
// question takes as long as a simulation.
const explained = 10

// Scan is what one detection found.
type Scan struct {
	Inventory model.Inventory
	Needed    []model.NeededPackage // exactly apt's upgradable packages, sorted by name and architecture
	Others    []model.NeededPackage // not upgradable, but worth knowing: pinned below a newer version, half-configured
	Lists     time.Time             // when the lists were last refreshed
	Broken    bool                  // dpkg was interrupted
}

// Scan detects. It needs no rights but reading. A scan that failed in any part
// is an error as a whole, never "up to date" (peers 6c.1).
func (s *System) Scan(ctx context.Context, now time.Time) (*Scan, error) {
	scan, err := s.scan(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("scanning for needed updates: %w", err)
	}
	return scan, nil
}

func (s *System) scan(ctx context.Context, now time.Time) (*Scan, error) {
	native, foreign, err := s.Architectures(ctx)
	if err != nil {
		return nil, err
	}
	installed, err := s.Installed()
	if err != nil {
		return nil, err
	}
	out, err := s.ask(ctx, "apt-cache", "policy")
	if err != nil {
		return nil, err
	}
	indexes := ParseIndexes(out)
	policies, err := s.policies(ctx, installed, native)
	if err != nil {
		return nil, err
	}
	sim, err := s.simulate(ctx, "dist-upgrade")
	if err != nil {
		return nil, err
	}
	scan := &Scan{Lists: s.Lists(), Broken: s.Interrupted()}
	scan.Inventory = model.Inventory{Time: now, Arch: native, Foreign: foreign, Packages: installed}
	for _, i := range indexes {
		scan.Inventory.Sources = append(scan.Inventory.Sources, i.PackageSource)
	}
	j := judge{system: s, scan: scan, sim: sim, native: native, indexes: map[string]*model.PackageSource{}, upgrades: map[string]bool{}}
	for i := range indexes {
		j.indexes[indexes[i].Description] = &indexes[i].PackageSource
	}
	for _, c := range sim.Install {
		j.upgrades[Key(c.Package, c.Arch, native)] = true
	}
	for i := range installed {
		if err := j.one(ctx, &installed[i], policies[i]); err != nil {
			return nil, err
		}
	}
	scan.Inventory.Exceptions = exceptions(scan, installed, policies, j.indexes)
	return scan, nil
}

// policies asks for apt's opinion of every installed package; the answer has
// the order of the question.
func (s *System) policies(ctx context.Context, installed []model.InstalledPackage, native string) ([]Policy, error) {
	all := make([]Policy, 0, len(installed))
	for batch := range slices.Chunk(installed, batchSize) {
		args := make([]string, 0, len(batch)+1)
		args = append(args, "policy")
		for _, p := range batch {
			args = append(args, Key(p.Name, p.Arch, native))
		}
		out, err := s.ask(ctx, "apt-cache", args...)
		if err != nil {
			return nil, err
		}
		list, err := ParsePolicies(out)
		if err != nil {
			return nil, err
		}
		if len(list) != len(batch) {
			return nil, fmt.Errorf("apt-cache policy answered about %d packages of %d", len(list), len(batch))
		}
		for i, p := range list {
			name, _, _ := strings.Cut(p.Package, ":")
			if name != batch[i].Name {
				return nil, fmt.Errorf("apt-cache policy answered about %.60q where %s was asked", p.Package, batch[i].Name)
			}
		}
		all = append(all, list...)
	}
	return all, nil
}

// judge decides how each installed package stands.
type judge struct {
	system   *System
	scan     *Scan
	sim      *Simulation
	native   string
	indexes  map[string]*model.PackageSource
	upgrades map[string]bool // what dist-upgrade would install
	asked    int
}

// broken are the states in which dpkg left a package half done.
func broken(s model.PackageState) bool {
	return s == model.PackageHalfConfigured || s == model.PackageUnpacked || s == model.PackageHalfInstalled
}

var brokenWords = map[model.PackageState]string{
	model.PackageHalfConfigured: "half-configured", model.PackageUnpacked: "unpacked, but not configured", model.PackageHalfInstalled: "half-installed",
}

func (j *judge) one(ctx context.Context, p *model.InstalledPackage, policy Policy) error {
	n := model.NeededPackage{Package: p.Name, Arch: p.Arch, Installed: p.Version, Candidate: policy.Candidate}
	rebuilt := policy.rebuilt()
	if policy.Candidate == "" || model.CompareDebianVersions(policy.Candidate, p.Version) <= 0 && !rebuilt {
		j.other(p, policy, n)
		return nil
	}
	if err := model.CheckPackage(p.Name, p.Arch, policy.Candidate); err != nil {
		return err
	}
	phased := 100
	for _, v := range policy.Versions {
		if v.Version == policy.Candidate {
			phased = v.Phased
		}
		if model.CompareDebianVersions(v.Version, p.Version) > 0 && model.CompareDebianVersions(v.Version, policy.Candidate) <= 0 && j.security(v) {
			n.Security = true // offline-catalogues E.2: any version on the way counts
		}
	}
	switch {
	case p.Held:
		n.State, n.Reason = model.NeedHeld, "it is held on this computer (apt-mark unhold "+p.Name+" ends that)"
	case broken(p.State):
		n.State, n.Reason = model.NeedBroken, "dpkg left it "+brokenWords[p.State]+" (dpkg --configure -a repairs that)"
	case rebuilt:
		// Only higher versions are installed, so that nothing is ever lowered.
		n.State, n.Reason = model.NeedKeptBack, "the archive has another build of the installed version (apt-get install --reinstall "+p.Name+" takes it)"
	case j.upgrades[Key(p.Name, p.Arch, j.native)]:
	case phased < 100:
		n.State, n.Reason = model.NeedPhased, fmt.Sprintf("it is offered to %d %% of computers so far, and this one's turn has not come", phased)
	default:
		reason, err := j.keptBack(ctx, p, policy.Candidate)
		if err != nil {
			return err
		}
		n.State, n.Reason = model.NeedKeptBack, reason
	}
	j.scan.Needed = append(j.scan.Needed, n)
	return nil
}

// other records a package that apt would not upgrade although a newer version
// is in the lists, or that dpkg left half done.
func (j *judge) other(p *model.InstalledPackage, policy Policy, n model.NeededPackage) {
	var newest *Version
	have := 0
	for i := range policy.Versions {
		v := &policy.Versions[i]
		if v.Version == p.Version {
			have = v.Priority
		}
		if model.CompareDebianVersions(v.Version, p.Version) > 0 && (newest == nil || model.CompareDebianVersions(v.Version, newest.Version) > 0) {
			newest = v
		}
	}
	switch {
	case broken(p.State):
		n.State, n.Reason, n.Candidate = model.NeedBroken, "dpkg left it "+brokenWords[p.State]+" (dpkg --configure -a repairs that)", p.Version
	case newest == nil || model.CheckPackage(p.Name, p.Arch, newest.Version) != nil:
		return
	case newest.Phased < 100 && newest.Priority <= 1:
		// Newer versions of apt do not offer a version at all whose turn has not
		// come: they give it priority 1 (apt_preferences(5)).
		n.State, n.Candidate = model.NeedPhased, newest.Version
		n.Reason = fmt.Sprintf("it is offered to %d %% of computers so far, and this one's turn has not come", newest.Phased)
	case newest.Priority < 0:
		n.State, n.Candidate, n.Reason = model.NeedPinned, newest.Version, fmt.Sprintf("a pin forbids version %s (priority %d)", newest.Version, newest.Priority)
	default:
		n.State, n.Candidate = model.NeedPinned, newest.Version
		n.Reason = fmt.Sprintf("the priorities of this computer keep it at %s (priority %d) below %s (priority %d)", p.Version, have, newest.Version, newest.Priority)
	}
	j.scan.Others = append(j.scan.Others, n)
}

// security says whether a version is offered by a suite of security updates.
func (j *judge) security(v Version) bool {
	return slices.ContainsFunc(v.Indexes, func(d string) bool {
		s := j.indexes[d]
		return s != nil && model.SecuritySuite(s.Codename, s.Label)
	})
}

// keptBack asks apt why a full upgrade leaves a package alone.
func (j *judge) keptBack(ctx context.Context, p *model.InstalledPackage, candidate string) (string, error) {
	if j.asked++; j.asked > explained {
		return "its dependencies do not allow it now", nil
	}
	sim, err := j.system.Simulate(ctx, []model.PlanItem{{Package: p.Name, Arch: p.Arch, To: candidate}})
	switch {
	case err != nil:
		return "", err
	case sim.Failure != nil:
		return "its dependencies do not allow it now: " + sim.Failure.Text, nil
	case len(sim.Remove) > 0:
		names := make([]string, len(sim.Remove))
		for i, r := range sim.Remove {
			names[i] = r.Package
		}
		return "it would remove " + strings.Join(names, ", "), nil
	}
	return "a full upgrade leaves it alone, though it could be installed by itself", nil
}

// exceptions compares apt's answer with what model.Evaluate would say of the
// same lists from the sources' priorities alone, and tells where they differ.
func exceptions(scan *Scan, installed []model.InstalledPackage, policies []Policy, indexes map[string]*model.PackageSource) []model.Exception {
	av := model.NewAvailability()
	number := uint32(0)
	for i, p := range policies {
		for _, v := range p.Versions {
			for _, d := range v.Indexes {
				s := indexes[d]
				if s == nil || s.Archive == "" || s.Codename == "" {
					continue // no catalogue can know it
				}
				number++
				section := "misc"
				if s.Component != "" {
					section = s.Component + "/misc"
				}
				av.Add(&model.Update{
					ID: model.UpdateID(fmt.Sprint(number)), Number: number,
					Debian: &model.DebianSource{Archive: s.Archive, Suites: []string{s.Codename}, Section: section,
						Packages: []model.DebianPackage{{Name: installed[i].Name, Arch: installed[i].Arch, Version: v.Version}}},
				})
			}
		}
	}
	type answer struct {
		candidate string
		state     model.NeedState
	}
	computed := map[string]answer{}
	for _, n := range model.Evaluate(&scan.Inventory, av).Packages {
		computed[n.Package+":"+n.Arch] = answer{n.Candidate, n.State}
	}
	var list []model.Exception
	for _, n := range scan.Needed {
		key := n.Package + ":" + n.Arch
		if c, ok := computed[key]; !ok || c != (answer{n.Candidate, n.State}) {
			list = append(list, model.Exception{Package: n.Package, Arch: n.Arch, Candidate: n.Candidate, State: n.State, Reason: n.Reason})
		}
		delete(computed, key)
	}
	for _, n := range scan.Others {
		key := n.Package + ":" + n.Arch
		if _, ok := computed[key]; ok || n.State != model.NeedPinned {
			list = append(list, model.Exception{Package: n.Package, Arch: n.Arch, Candidate: n.Installed, State: n.State, Reason: n.Reason})
		}
		delete(computed, key)
	}
	slices.SortFunc(list, func(a, b model.Exception) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Arch, b.Arch))
	})
	return list
}
