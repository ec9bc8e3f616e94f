package plain

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"fettle/model"
)

// longestLine is how long a line may be; more of it is dropped, and the line is
// not obeyed.
const longestLine = 64 << 10

// typed is one line of the input, and when it came.
type typed struct {
	text string
	at   time.Time
	long bool
}

// input reads lines in a goroutine of its own, because a read cannot be
// interrupted.
type input struct {
	lines chan typed
}

// ahead is how many lines may wait: what somebody types ahead is few, and a
// script is read no faster than it is obeyed.
const ahead = 256

func listen(r io.Reader, now func() time.Time) *input {
	in := &input{lines: make(chan typed, ahead)}
	go func() {
		defer close(in.lines)
		b := bufio.NewReader(r)
		var line []byte
		long := false
		for {
			piece, err := b.ReadSlice('\n')
			if len(line)+len(piece) <= longestLine {
				line = append(line, piece...)
			} else {
				long = true
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == nil || len(line) > 0 {
				// Keys that the terminal does not know how to edit with come as
				// escape sequences; they mean nothing here.
				in.lines <- typed{text: model.Clean(strings.TrimRight(string(line), "\r\n")), at: now(), long: long}
			}
			if err != nil {
				return
			}
			line, long = line[:0], false
		}
	}()
	return in
}

// next waits for a line; false = the input, or ctx, has ended.
func (in *input) next(ctx context.Context) (typed, bool) {
	select {
	case <-ctx.Done():
		return typed{}, false
	default:
	}
	select {
	case t, ok := <-in.lines:
		return t, ok
	case <-ctx.Done():
		return typed{}, false
	}
}

// drop forgets the lines that have come already.
func (in *input) drop() (dropped int) {
	for {
		select {
		case _, ok := <-in.lines:
			if !ok {
				return dropped
			}
			dropped++
		default:
			return dropped
		}
	}
}
