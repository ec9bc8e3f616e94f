package applicability

import (
	"fmt"
	"strconv"
	"strings"

	"fettle/model"
)

// ProcessorTest asks for the processor: Processor.
type ProcessorTest struct {
	Architecture    uint64
	Level, Revision *uint64
}

func readProcessor(a *attributes) Test {
	return &ProcessorTest{a.needNumber("Architecture", 16), a.number("Level", 16), a.number("Revision", 16)}
}

const (
	archX86 = 0
	archARM = 5
)

// architectures are the numbers of PROCESSOR_ARCHITECTURE.
var architectures = map[uint64]string{archX86: "x86", archARM: "arm", 6: "ia64", 9: "x64", 12: "arm64"}

// architectureNumber knows the usual names, those of packages included.
func architectureNumber(name string) (uint64, bool) {
	switch name = fold(name); name {
	case "amd64":
		name = "x64"
	case "i386", "i686":
		name = "x86"
	case "aarch64":
		name = "arm64"
	}
	for n, s := range architectures {
		if s == name {
			return n, true
		}
	}
	return 0, false
}

func architectureName(n uint64) string {
	switch s := architectures[n]; s {
	case "arm", "arm64":
		return strings.ToUpper(s)
	case "ia64":
		return "Itanium"
	case "x86", "x64":
		return s
	}
	return "processor architecture " + strconv.FormatUint(n, 10)
}

func (t *ProcessorTest) phrase(not bool) string {
	s := architectureName(t.Architecture)
	if t.Level != nil {
		s += " level " + strconv.FormatUint(*t.Level, 10)
	}
	if t.Revision != nil {
		s += " revision " + strconv.FormatUint(*t.Revision, 10)
	}
	return choose(not, "not ", "") + s
}

func (t *ProcessorTest) evaluate(e *evaluation) (Truth, string) {
	p := &e.computer.Processor
	var have *uint64
	if n, ok := architectureNumber(p.Architecture); ok {
		have = &n
	}
	result := equal(have, t.Architecture)
	if t.Level != nil {
		result = result.And(equal(widen(p.Level), *t.Level))
	}
	if t.Revision != nil {
		result = result.And(equal(widen(p.Revision), *t.Revision))
	}
	if p.Architecture == "" {
		return result, notStated
	}
	return result, "it is " + model.Clean(p.Architecture)
}

func widen(n *uint32) *uint64 {
	if n == nil {
		return nil
	}
	return number(uint64(*n))
}

// ProcessorCountTest compares the number of processors: NumberOfProcessors.
type ProcessorCountTest struct {
	Comparison Comparison
	Number     uint64
}

func (t *ProcessorCountTest) phrase(not bool) string {
	return fmt.Sprintf("%snumber of processors %s %d", choose(not, "not ", ""), t.Comparison.sign(), t.Number)
}

func (t *ProcessorCountTest) evaluate(e *evaluation) (Truth, string) {
	n := widen(e.computer.Processor.Count)
	if n == nil {
		return Unknown, notStated
	}
	return compared(n, t.Number, t.Comparison), fmt.Sprintf("it is %d", *n)
}
