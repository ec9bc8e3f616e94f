package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/protocol"
)

// closureCache keeps closures as long as nothing changed that apt's answer
// depends on: a simulation takes up to a second.
type closureCache struct {
	Digest   string                   `cbor:"1,keyasint"`
	Closures map[string]model.Closure `cbor:"2,keyasint"` // by the update and its packages
}

// closures works out what installing each update would really do here. The
// answer has the order of the question; an update of which nothing is needed is
// left out.
func (a *Agent) closures(ctx context.Context, updates []model.UpdateID, scan *apt.Scan, known map[string]model.UpdateID, progress func(model.Progress)) ([]model.Closure, error) {
	if len(updates) == 0 {
		return nil, nil
	}
	digest, err := a.o.Packages.Digest()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(a.o.StateDir, "closures")
	var cache closureCache
	if err := readFile(file, &cache); err != nil {
		a.o.Log.Warn("the cache of closures was not usable", "error", err)
	}
	if cache.Digest != digest || cache.Closures == nil {
		cache = closureCache{Digest: digest, Closures: map[string]model.Closure{}}
	}
	packages := map[model.UpdateID][]model.NeededPackage{}
	updateOf := map[string]model.UpdateID{} // native key and version -> update
	for _, n := range scan.Needed {
		u := known[protocol.PackageKey(n)]
		if u == "" {
			continue
		}
		packages[u] = append(packages[u], n)
		updateOf[apt.Key(n.Package, n.Arch, scan.Inventory.Arch)+"="+n.Candidate] = u
	}
	var list []model.Closure
	changed := false
	for i, u := range updates {
		if len(packages[u]) == 0 {
			continue
		}
		key := string(u)
		for _, n := range packages[u] {
			key += fmt.Sprintf(" %s %s %d", protocol.PackageKey(n), n.Installed, n.State)
		}
		c, ok := cache.Closures[key]
		if !ok {
			if progress != nil {
				progress(model.Progress{Phase: "working out what each update would do", Done: int64(i), Total: int64(len(updates))})
			}
			if c, err = a.closure(ctx, u, packages[u], updateOf, scan.Inventory.Arch); err != nil {
				return nil, fmt.Errorf("working out what installing %s would do: %w", u, err)
			}
			cache.Closures[key], changed = c, true
		}
		list = append(list, c)
	}
	if changed {
		b, err := protocol.Encode(cache)
		if err != nil {
			return nil, err
		}
		if err := replaceFile(file, b); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// closure simulates one update: its packages at exactly their candidates.
func (a *Agent) closure(ctx context.Context, u model.UpdateID, packages []model.NeededPackage, updateOf map[string]model.UpdateID, native string) (model.Closure, error) {
	c := model.Closure{Update: u}
	var items []model.PlanItem
	var reasons []string
	for _, n := range packages {
		switch n.State {
		case model.NeedHeld, model.NeedPinned, model.NeedPhased:
			// The computer's administrator or the vendor says no; the rest of the
			// update may still be possible (model.NeedState).
			reasons = append(reasons, n.Package+": "+n.Reason)
		default:
			items = append(items, model.PlanItem{Update: u, Package: n.Package, Arch: n.Arch, From: n.Installed, To: n.Candidate})
		}
	}
	if len(items) == 0 {
		c.Error = strings.Join(reasons, "; ")
		return c, nil
	}
	sim, err := a.o.Packages.Simulate(ctx, items)
	if err != nil {
		return c, err
	}
	if sim.Failure != nil {
		c.Error = sim.Failure.Error()
		return c, nil
	}
	own := map[string]bool{}
	for _, it := range items {
		own[apt.Key(it.Package, it.Arch, native)+"="+it.To] = true
	}
	for _, r := range sim.Remove {
		c.Removes = append(c.Removes, r.Package)
	}
	for _, ch := range sim.Install {
		key := apt.Key(ch.Package, ch.Arch, native) + "=" + ch.To
		item := model.PlanItem{Update: u, Package: ch.Package, Arch: ch.Arch, From: ch.From, To: ch.To}
		switch {
		case own[key]:
			c.Items = append(c.Items, item)
		case ch.From == "":
			item.Reason = model.ItemNew
			c.Items = append(c.Items, item)
		case updateOf[key] != "":
			if v := updateOf[key]; !slices.Contains(c.Needs, v) {
				c.Needs = append(c.Needs, v)
			}
		default:
			c.Error = fmt.Sprintf("it needs %s %s, which no update of the catalogue brings", ch.Package, ch.To)
			return c, nil
		}
	}
	slices.Sort(c.Needs)
	return c, a.describe(ctx, c.Items)
}

// describe adds size and digest from the vendor's signed index.
func (a *Agent) describe(ctx context.Context, items []model.PlanItem) error {
	records, err := a.o.Packages.Records(ctx, items)
	if err != nil {
		return err
	}
	for i := range items {
		if r, ok := records[items[i].Spec()]; ok {
			items[i].SHA256, items[i].Size = r.SHA256, r.Size
		}
	}
	return nil
}
