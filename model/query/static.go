package query

import "slices"

// staticFields are those that describe an update itself. Whatever else happens
// on the server, their answer about one revision stays.
var staticFields = []string{
	"", "id", "kb", "bulletin", "cve", "title", "package", "version", "class", "product", "upstream", "language", "severity", "released", "size",
}

// staticWords are the words of is: that describe an update itself.
var staticWords = []string{"removable", "restart", "exploited", "required"}

// Static says whether the query asks only for what describes an update itself:
// no counts, approvals, ages or states. What is not so is named, as it is
// written; an automatic approval rule takes only static queries, because it
// looks at an update once, when it is new.
func (q *Updates) Static() (ok bool, field string) {
	if bad := q.q.root.changing(); bad != nil {
		return false, bad.field + ":"
	}
	return true, ""
}

// changing gives a term whose answer about the same update can change.
func (n *node[R]) changing() *term {
	if n == nil {
		return nil
	}
	if t := n.term; n.kind == nodeTerm {
		if t.field == "is" {
			for _, v := range t.values {
				if !slices.Contains(staticWords, v.text) {
					return t
				}
			}
			return nil
		}
		relative := t.field == "released" && slices.ContainsFunc(t.values, func(v value) bool { return !digitsFirst(v.text) || isAge(v.text) })
		if !slices.Contains(staticFields, t.field) || relative {
			return t
		}
		return nil
	}
	for _, k := range n.kids {
		if t := k.changing(); t != nil {
			return t
		}
	}
	return nil
}

// digitsFirst and isAge tell a date (2026-01-01) from what moves with the day
// (today, 7d).
func digitsFirst(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func isAge(s string) bool {
	_, _, ok := parseAge(s)
	return ok
}
