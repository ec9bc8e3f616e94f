package console

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
)

// newOptions is the form of what holds for the server as a whole: the Options
// page of WSUS.
func newOptions(c *Console) pane {
	o := c.snap.Options()
	f := &form{c: c, title: "Options of the server", last: "shows what it would do"}
	all := &formItem{label: "Approvals for All Computers", on: o.Consent.AllComputers}
	removals := &formItem{label: "Uninstalling, and removing computers, groups and updates", on: o.Consent.Removals}
	rules := &formItem{label: "Adding, changing and running automatic approval rules", on: o.Consent.Rules}
	consent := &formPage{title: "Consent: what waits for a second person", items: []*formItem{all, removals, rules}}
	consent.text = func() []string {
		return []string{"What is selected is kept as a proposal and made only when somebody else consents (C). Changing this page then needs consent itself."}
	}
	server := &formItem{label: "Administrators put computers into groups", one: true, on: !o.ClientTargeting}
	client := &formItem{label: "Computers name their groups themselves", one: true, on: o.ClientTargeting, note: "What was put into static groups by hand is masked, not erased."}
	targeting := &formPage{title: "Targeting: who says to which groups computers belong", items: []*formItem{server, client}, text: func() []string { return nil }}
	move := &formItem{label: "Approvals move to new revisions by themselves", on: !o.KeepRevisions, note: "A revision that brings a licence, or that changes what it applies to, is a notice in any case."}
	expire := &formItem{label: "Updates that their publisher expired are declined by themselves", on: !o.KeepExpired, note: "Only while approvals move to new revisions by themselves."}
	revisions := &formPage{title: "Revisions and expired updates", items: []*formItem{move, expire}, text: func() []string { return nil }}
	f.pages = []*formPage{consent, targeting, revisions}
	f.finish = func() tea.Cmd {
		f.working = false
		n := o // what this form does not ask for stays
		n.Consent = model.ConsentOptions{AllComputers: all.on, Removals: removals.on, Rules: rules.on}
		n.ClientTargeting, n.KeepRevisions, n.KeepExpired = client.on, !move.on, !expire.on
		return c.propose(model.Change{Kind: model.ChangeOptions, Options: &n}, "Change", func(model.Entry) tea.Cmd { return c.drop(f) })
	}
	return f
}

// optionRows are the options in the list of settings.
func optionRows(o model.Options) [][3]string {
	var consent []string
	for _, x := range []struct {
		on   bool
		word string
	}{{o.Consent.AllComputers, "approvals for All Computers"}, {o.Consent.Removals, "uninstalling and removing"}, {o.Consent.Rules, "automatic approval rules"}} {
		if x.on {
			consent = append(consent, x.word)
		}
	}
	word := func(b bool, yes, no string) string {
		if b {
			return yes
		}
		return no
	}
	return [][3]string{
		{"consent", "Consent of a second person", orWord(strings.Join(consent, ", "), "nothing needs it")},
		{"targeting", "Groups", word(o.ClientTargeting, "computers name them", "administrators put computers into them")},
		{"revisions", "New revisions", word(o.KeepRevisions, "approvals stay with the old one", "approvals move by themselves")},
		{"expired", "Expired updates", word(o.KeepExpired, "stay", word(o.KeepRevisions, "stay while approvals stay with the old revision", "are declined by themselves"))},
		{"replica", "Replica of", orWord(o.Replica, "no server: this one decides itself")},
	}
}
