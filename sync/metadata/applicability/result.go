package applicability

// Result is what rules say about a described computer.
type Result struct {
	Installed, Superseded, Installable Truth
	Needed                             Truth // not installed and installable
	Why                                []Reason
}

// Reason is one thing that decided a section, or kept it from being decided:
// of an And that does not hold the first operand that does not hold, of an Or
// that holds the first that does, otherwise all of them.
type Reason struct {
	Section Section
	Rule    *Rule  // nil when the section is missing
	Truth   Truth  // of the rule itself
	Asks    string // what the rule asks, in English
	Found   string // what the computer is described to have: "it is 4", "the key does not exist", "not stated"
	Count   int    // of rules of the same kind with the same answer that this one stands for; 1 = itself only
}
