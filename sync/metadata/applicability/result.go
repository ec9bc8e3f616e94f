package applicability

import "fettle/model"

// Result is what rules say about a described computer.
type Result struct {
	Installed   Truth    `json:"installed"`
	Superseded  Truth    `json:"superseded"` // no when the update has no rule for it
	Installable Truth    `json:"installable"`
	Needed      Truth    `json:"needed"` // not installed and installable
	Why         []Reason `json:"why"`
}

// Reason is one thing that decided a section, or kept it from being decided:
// of an And that does not hold the first operand that does not hold, of an Or
// that holds the first that does, otherwise all of them.
type Reason struct {
	Section Section `json:"section"`
	Rule    *Rule   `json:"-"`     // nil when the section or a prerequisite is missing
	Truth   Truth   `json:"truth"` // of the rule itself
	Asks    string  `json:"asks"`  // what the rule asks, in English
	Found   string  `json:"found"` // what the computer is described to have: "it is 4", "the key does not exist", "not stated"
	Count   int     `json:"count"` // of rules of the same kind with the same answer that this one stands for; 1 = itself only
}

// String says what was asked and what was found.
func (w Reason) String() string { return w.Asks + ": " + w.Found }

// Lines says the result with its reasons, wrapped at a display width; 0 = not
// wrapped.
func (r Result) Lines(width int) []string {
	l := &listing{width: width}
	for _, s := range Sections() {
		t := map[Section]Truth{SectionInstalled: r.Installed, SectionSuperseded: r.Superseded, SectionInstallable: r.Installable}[s]
		heading := false
		for _, w := range r.Why {
			if w.Section != s {
				continue
			}
			if !heading {
				l.add(0, "", sectionWords[s]+": "+t.String())
				heading = true
			}
			l.add(0, "- ", model.Clean(w.String()))
		}
	}
	l.add(0, "", "Needed: "+r.Needed.String())
	return l.lines
}
