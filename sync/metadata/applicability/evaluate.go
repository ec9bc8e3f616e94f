package applicability

// evaluation is one run over the rules of an update.
type evaluation struct {
	computer *Computer
	index    *index
	rules    *Rules
	loop     []string // keys that HKEY_LOOP_TARGET stands for, the innermost last
}
