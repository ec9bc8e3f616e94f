package engine

import (
	"runtime"
	"runtime/debug"
)

// importRoom is how much memory an import may use beside what the process has
// already, before the collector works for it.
const importRoom = 280 << 20

// frugally has the collector hold a job to what is in use now and some room: an
// import makes several hundred megabytes of garbage, which would stay with the
// process. A lower limit that was configured stays. Done ends it; jobs of this
// kind never run beside each other.
func frugally() (done func()) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := debug.SetMemoryLimit(-1)
	if limit := int64(m.HeapInuse+m.StackInuse) + importRoom; limit < before {
		debug.SetMemoryLimit(limit)
	}
	return func() {
		debug.SetMemoryLimit(before)
		debug.FreeOSMemory()
	}
}
