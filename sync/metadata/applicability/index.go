package applicability

// index is what looking things up in a Computer needs, made once.
type index struct{}
