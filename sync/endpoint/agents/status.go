package agents

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"fettle/model"
	"fettle/store"
)

// material is all that a status is made of, whether from a report or from an
// inventory evaluated again.
type material struct {
	snap       *store.Snapshot
	evaluation model.Evaluation
	packages   []model.NeededPackage // with their updates
	others     []model.NeededPackage
	downloaded []uint32
	restart    []uint32 // installed, in effect after a restart
	failed     []uint32
	failures   []model.Failure
	closures   []model.Closure
	broken     map[uint32]model.Failure // dpkg left a package of it half done
	installed  []uint32                 // installed before and offered no more, so that the evaluation cannot tell
}

// status puts a status together. An update has one state: what is needed failed,
// else was downloaded, else is just needed; what is installed may still wait for
// a restart.
func (m *material) status(computer uint32) model.Status {
	covered := m.snap.LastUpdate()
	st := model.Status{Computer: computer, Evaluated: covered, Packages: m.packages, Others: m.others}
	needed := map[uint32]bool{}
	for _, p := range m.packages {
		if n, ok := number(m.snap, p.Update); ok && n <= covered {
			needed[n] = true
		}
	}
	state := map[uint32]*[]uint32{}
	for n := range needed {
		state[n] = &st.Needed
	}
	for _, n := range m.downloaded {
		if needed[n] {
			state[n] = &st.Downloaded
		}
	}
	for _, n := range m.failed {
		if needed[n] {
			state[n] = &st.Failed
		}
	}
	for _, f := range m.failures {
		if n, ok := number(m.snap, f.Update); ok && (needed[n] || m.broken[n].Update != "") {
			st.Failures = append(st.Failures, f)
		}
	}
	for n, f := range m.broken {
		if n <= covered {
			state[n] = &st.Failed
			if !slices.ContainsFunc(m.failures, func(o model.Failure) bool { return o.Update == f.Update }) {
				st.Failures = append(st.Failures, f)
			}
		}
	}
	for _, n := range m.restart {
		if state[n] == nil && n <= covered && m.snap.Row(n) != nil {
			state[n] = &st.Pending
		}
	}
	for _, list := range [][]uint32{m.evaluation.Installed, m.installed} {
		for _, n := range list {
			if state[n] == nil && n <= covered {
				state[n] = &st.Installed
			}
		}
	}
	for n, list := range state {
		*list = append(*list, n)
	}
	for _, list := range []*[]uint32{&st.Needed, &st.Downloaded, &st.Failed, &st.Pending, &st.Installed} {
		slices.Sort(*list)
	}
	for _, c := range m.closures {
		if n, ok := number(m.snap, c.Update); ok && needed[n] {
			st.Closures = append(st.Closures, c)
		}
	}
	st.Failures = newestFailures(st.Failures)
	return st
}

// broken gives the updates of which dpkg left a package half done. apt does not
// count such a package as upgradable, and its version is the update's, but it is
// not installed: a failure, whoever caused it.
func (e *Endpoint) broken(inv *model.Inventory) map[uint32]model.Failure {
	var out map[uint32]model.Failure
	for i := range inv.Packages {
		p := &inv.Packages[i]
		words := ""
		switch p.State {
		case model.PackageHalfConfigured:
			words = "half-configured"
		case model.PackageUnpacked:
			words = "unpacked, but not configured"
		case model.PackageHalfInstalled:
			words = "half-installed"
		default:
			continue
		}
		id, n, ok := e.store.FindPackage(p.Name, p.Arch, p.Version, inv.Sources)
		if !ok {
			continue
		}
		if out == nil {
			out = map[uint32]model.Failure{}
		}
		out[n] = model.Failure{Update: id, Time: inv.Time, Code: "half-configured", Text: "dpkg left " + p.Name + " " + words + "; on the computer, dpkg --configure -a repairs that"}
	}
	return out
}

// number gives an update's number; ok is false for one that the catalogue does
// not know.
func number(s *store.Snapshot, id model.UpdateID) (uint32, bool) {
	if id == "" {
		return 0, false
	}
	if r := s.RowByID(id); r != nil {
		return r.Number, true
	}
	return 0, false
}

func numbers(s *store.Snapshot, ids []model.UpdateID) []uint32 {
	var out []uint32
	for _, id := range ids[:min(len(ids), maxUpdates)] {
		if n, ok := number(s, id); ok {
			out = append(out, n)
		}
	}
	return out
}

func failedUpdates(s *store.Snapshot, list []model.Failure) []uint32 {
	var out []uint32
	for _, f := range list {
		if n, ok := number(s, f.Update); ok {
			out = append(out, n)
		}
	}
	return out
}

// newestFailures keeps the newest failure of each update, by update.
func newestFailures(list []model.Failure) []model.Failure {
	newest := map[model.UpdateID]model.Failure{}
	for _, f := range list {
		if o, ok := newest[f.Update]; !ok || f.Time.After(o.Time) {
			newest[f.Update] = f
		}
	}
	if len(newest) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b model.Failure) int { return cmp.Compare(a.Update, b.Update) })
}

// offeredNoMore gives those of the updates that are withdrawn or expired: an
// evaluation knows nothing of them. With an inventory, only those are given of
// which a package is still installed in the version that the update brought.
func (e *Endpoint) offeredNoMore(snap *store.Snapshot, updates []uint32, inv *model.Inventory) ([]uint32, error) {
	var out []uint32
	var versions map[string]string
	for _, n := range updates {
		r := snap.Row(n)
		if r == nil || r.Flags&(model.FlagWithdrawn|model.FlagExpired) == 0 {
			continue
		}
		if inv != nil {
			if versions == nil {
				versions = installedVersions(inv)
			}
			u, err := e.store.Update(n)
			if err != nil {
				return nil, err
			}
			if u.Debian == nil || !slices.ContainsFunc(u.Debian.Packages, func(p model.DebianPackage) bool {
				return versions[p.Name+":"+p.Arch] == p.Version || (p.Arch == "all" && versions[p.Name+":"+inv.Arch] == p.Version)
			}) {
				continue
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// installedVersions maps "name:arch" to the installed version.
func installedVersions(inv *model.Inventory) map[string]string {
	m := make(map[string]string, len(inv.Packages))
	for i := range inv.Packages {
		p := &inv.Packages[i]
		m[p.Name+":"+p.Arch] = p.Version
	}
	return m
}

// stored gives what is kept of a computer; nil for what there is not.
func (e *Endpoint) stored(computer uint32) (*model.Status, *model.Inventory, error) {
	st, err := e.store.Status(computer)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, err
	}
	inv, err := e.store.Inventory(computer)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, fmt.Errorf("computer %d: %w", computer, err)
	}
	return st, inv, nil
}
