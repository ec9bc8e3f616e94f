package remote

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// AgentServer is the server's end of the conversation with one computer's
// agent.
type AgentServer interface {
	Report(ctx context.Context, r protocol.Report) (protocol.Ack, error)
	Decide(ctx context.Context, r protocol.DecideRequest) (protocol.Decisions, error)
	Event(ctx context.Context, e protocol.Event) error
}

// AgentCaller is an AgentServer that also calls its computer.
type AgentCaller interface {
	Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error)
}

// agentSubsystem is the SSH subsystem that carries the conversation: frames of a
// four-byte length and a CBOR message, one answer per request, in their order.
const agentSubsystem = "fettle-agent"

// frameLimit bounds a frame: a message and what stands around it.
const frameLimit = protocol.MaxMessage + 4096

// method names a request.
type method uint8

const (
	methodHello method = iota + 1
	methodReport
	methodDecide
	methodEvent
	methodAwait
)

// hello answers methodHello with what this end can do. A holder from before
// Await answers with nothing, which reads as the zero value.
type hello struct {
	Calls bool `cbor:"1,keyasint,omitempty"` // it knows methodAwait
}

// request is what the agent's end sends.
type request struct {
	Method method `cbor:"1,keyasint"`
	Body   []byte `cbor:"2,keyasint"`
}

// response answers it: a body, or why there is none.
type response struct {
	Body    []byte         `cbor:"1,keyasint,omitempty"`
	Error   string         `cbor:"2,keyasint,omitempty"`
	Refusal *model.Refusal `cbor:"3,keyasint,omitempty"`
}

// writeFrame writes one message with its length.
func writeFrame(w io.Writer, v any) error {
	b, err := cbor.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a frame: %w", err)
	}
	if len(b) > frameLimit {
		return fmt.Errorf("a frame of %d bytes is larger than a message may be", len(b))
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, len(b)+4), uint32(len(b))), b...))
	return err
}

// readFrame reads one message. The length is checked before anything is
// allocated for it (peers 4d.7). io.EOF means that the other end is done.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > frameLimit {
		return fmt.Errorf("a frame of %d bytes is larger than a message may be", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("a frame was cut off: %w", err)
	}
	return protocol.Decode(b, v)
}

// handleAgent serves the conversation of one agent. A goroutine of its own reads,
// so that an agent which hangs up ends the request that is at work, however long
// that would have waited.
func (h *Holder) handleAgent(s ssh.Session) {
	ctx, r, ok := h.begin(s, forAgent)
	if !ok {
		exit(s, StatusLeaving, h.o.Log)
		return
	}
	defer h.end(r)
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	requests := make(chan request)
	// Reading ends when the other end has closed the session or the connection is
	// gone, which may be after this handler: Close of the holder waits for it.
	h.serving.Go(func() {
		in := bufio.NewReader(s)
		for {
			var q request
			if err := readFrame(in, &q); err != nil {
				if !errors.Is(err, io.EOF) && ctx.Err() == nil {
					h.o.Log.Warn("the conversation with an agent ended", "error", err)
				}
				hangUp(err)
				return
			}
			select {
			case requests <- q:
			case <-ctx.Done():
				return
			}
		}
	})
	by := h.actor(s)
	by.From = model.FromAgent
	var server AgentServer
	err := errors.New("this process serves no agents")
	if h.o.Agent != nil {
		server, err = h.o.Agent(ctx, by)
	}
	for {
		select {
		case <-ctx.Done():
			exit(s, 0, h.o.Log)
			return
		case <-h.gone.Done():
			exit(s, StatusLeaving, h.o.Log)
			return
		case q := <-requests:
			var body []byte
			aerr := err
			if aerr == nil {
				body, aerr = h.answer(ctx, server, q)
			}
			if ctx.Err() != nil {
				continue // nobody listens any more
			}
			if werr := writeFrame(s, respond(body, aerr)); werr != nil {
				h.o.Log.Warn("an agent could not be answered", "error", werr)
				return
			}
		}
	}
}

// answer asks the server what one request asks for.
func (h *Holder) answer(ctx context.Context, server AgentServer, q request) ([]byte, error) {
	switch q.Method {
	case methodHello: // that the computer may report here was established before
		_, calls := server.(AgentCaller)
		return protocol.Encode(hello{Calls: calls})
	case methodReport:
		var m protocol.Report
		if err := protocol.Decode(q.Body, &m); err != nil {
			return nil, err
		}
		a, err := server.Report(ctx, m)
		if err != nil {
			return nil, err
		}
		return protocol.Encode(a)
	case methodDecide:
		var m protocol.DecideRequest
		if err := protocol.Decode(q.Body, &m); err != nil {
			return nil, err
		}
		a, err := server.Decide(ctx, m)
		if err != nil {
			return nil, err
		}
		return protocol.Encode(a)
	case methodEvent:
		var m protocol.Event
		if err := protocol.Decode(q.Body, &m); err != nil {
			return nil, err
		}
		return nil, server.Event(ctx, m)
	case methodAwait:
		caller, ok := server.(AgentCaller)
		if !ok {
			break
		}
		var m protocol.AwaitRequest
		if err := protocol.Decode(q.Body, &m); err != nil {
			return nil, err
		}
		a, err := h.await(ctx, caller, m)
		if err != nil {
			return nil, err
		}
		return protocol.Encode(a)
	}
	return nil, fmt.Errorf("an agent asked for something unknown (%d)", q.Method)
}

// await has an agent wait until it is called, but not longer than this process
// is there: who waits keeps no holder from leaving.
func (h *Holder) await(ctx context.Context, caller AgentCaller, r protocol.AwaitRequest) (protocol.Awaited, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.gone, func() { cancel(errLeaving) })()
	return caller.Await(ctx, r)
}

// respond wraps an answer. A refusal stays a refusal at the other end.
func respond(body []byte, err error) response {
	var refusal *model.Refusal
	switch {
	case err == nil:
		return response{Body: body}
	case errors.As(err, &refusal):
		return response{Refusal: refusal, Error: refusal.Error()}
	}
	return response{Error: model.CleanLines(err.Error())}
}

// ErrBroken says that a conversation is over because the connection is: another
// may be begun.
var ErrBroken = errors.New("the conversation with the process that holds the store is over")

// Conversation is the agent's end: an AgentServer in another process. It is
// safe for concurrent use; requests go one after the other.
type Conversation struct {
	mu      sync.Mutex
	session *gossh.Session
	in      io.WriteCloser
	out     *bufio.Reader
	broken  error
	calls   bool // the holder knows Await
}

// Agent begins a conversation with the holder as this computer's agent. A
// refusal of the holder (the setup gate) is its error.
func (c *Client) Agent(ctx context.Context) (*Conversation, error) {
	s, err := c.open(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	in, inErr := s.StdinPipe()
	out, outErr := s.StdoutPipe()
	if err := errors.Join(inErr, outErr, s.RequestSubsystem(agentSubsystem)); err != nil {
		return nil, fmt.Errorf("%w: opening it: %w", ErrBroken, errors.Join(err, s.Close()))
	}
	conversation := &Conversation{session: s, in: in, out: bufio.NewReader(out)}
	var can hello
	if err := conversation.ask(ctx, methodHello, struct{}{}, &can); err != nil {
		return nil, errors.Join(err, conversation.Close())
	}
	conversation.calls = can.Calls
	return conversation, nil
}

// Close ends the conversation.
func (c *Conversation) Close() error {
	if err := c.session.Close(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("ending the conversation: %w", err)
	}
	return nil
}

// ask sends one request and reads its answer into out, which may be nil. After
// a failure of the connection the conversation is over: an answer could belong
// to another question.
func (c *Conversation) ask(ctx context.Context, m method, message, out any) error {
	body, err := protocol.Encode(message)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.session.Close() })
	defer stop()
	var r response
	if err = writeFrame(c.in, request{Method: m, Body: body}); err == nil {
		err = readFrame(c.out, &r)
	}
	if err != nil {
		c.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.broken
	}
	switch {
	case r.Refusal != nil:
		return r.Refusal
	case r.Error != "":
		return errors.New(model.CleanLines(r.Error))
	case out == nil, m == methodHello && len(r.Body) == 0:
		return nil
	}
	return protocol.Decode(r.Body, out)
}

// Report tells the server about the computer.
func (c *Conversation) Report(ctx context.Context, r protocol.Report) (protocol.Ack, error) {
	var a protocol.Ack
	err := c.ask(ctx, methodReport, r, &a)
	return a, err
}

// Decide asks the server what to do.
func (c *Conversation) Decide(ctx context.Context, r protocol.DecideRequest) (protocol.Decisions, error) {
	var d protocol.Decisions
	err := c.ask(ctx, methodDecide, r, &d)
	return d, err
}

// Event tells the server what happened.
func (c *Conversation) Event(ctx context.Context, e protocol.Event) error {
	return c.ask(ctx, methodEvent, e, nil)
}

// Await waits until the server calls. Nothing else can be asked meanwhile in this
// conversation; when ctx ends, it is over. A holder that does not know how to
// call is protocol.ErrNotCalled.
func (c *Conversation) Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error) {
	var a protocol.Awaited
	if !c.calls {
		return a, protocol.ErrNotCalled
	}
	err := c.ask(ctx, methodAwait, r, &a)
	return a, err
}

var _ AgentServer = (*Conversation)(nil)
