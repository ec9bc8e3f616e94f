package console

import (
	"context"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/layout"
)

// newRoles shows who somebody is, and what each role may do. The table is made
// from the code that refuses, so that it cannot say anything else (design 10).
func newRoles(c *Console) pane {
	t := newTextPane(c, "Roles")
	by, readOnly, local := c.actor, c.o.ReadOnly, c.o.Local
	t.load = func(context.Context, scribe, int) ([]string, error) { return rolesText(by, readOnly, local), nil }
	return t
}

func rolesText(by model.Actor, readOnly, local bool) []string {
	p := page{lines: []string{"WHO YOU ARE"}}
	p.fact("Name", orWord(by.Who, "nobody"))
	p.fact("Role", by.Role.String())
	switch {
	case readOnly:
		p.fact("Because", "this session is read-only (--read-only, or read_only in config.toml), so that it only looks")
	case local:
		p.fact("Because", "you run the process that holds the data: who may do that can change the data anyway")
	default:
		p.fact("Because", "you attached to the socket of the process that holds the data, as the same user or as root; the kernel told who you are")
	}
	p.head("WHAT EACH ROLE MAY DO")
	for _, r := range []struct{ role, may string }{
		{"viewer", "looks at everything: lists, details, reports, the journal, the log; changes nothing"},
		{"operator", "decides about updates and who belongs to groups; starts synchronizations, check-ins, installations and imports"},
		{"administrator", "all else: groups, policies, rules, upstreams, settings, options, removing"},
	} {
		p.fact(r.role, r.may)
	}
	p.head("EVERY CHANGE AND THE LEAST ROLE THAT IT NEEDS")
	for _, role := range []model.Access{model.AccessOperator, model.AccessAdministrator} {
		for _, k := range model.ChangeKinds() {
			if store.RoleFor(k) == role {
				p.lines = append(p.lines, "  "+layout.Fit(strings.ReplaceAll(string(k), "-", " "), 20, "")+" "+role.String())
			}
		}
	}
	p.lines = append(p.lines, "", "A change of several steps needs the highest role of its steps. Consenting to a proposal, or rejecting it, needs the role of what is proposed.")
	p.head("WHAT THERE IS NOT YET")
	p.lines = append(p.lines, "  "+hang+"Keys per role over SSH do not exist yet: whoever can attach is an administrator, and read-only sessions are the only viewers. That a second person consents can be required all the same: it is an option of the server.")
	return p.lines
}
