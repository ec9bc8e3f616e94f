package remote

import (
	"context"
	"errors"
	"sync"

	"fettle/sync/agent/protocol"
)

// Link is an agent's server in another process. That process may end and another
// take its place: the link attaches anew when it is next needed, and never by
// itself. Requests share one conversation; each Await has its own, so that
// check-ins go on beside it.
type Link struct {
	attach func(context.Context) (*Client, error)

	mu       sync.Mutex // nobody holds it during a request
	client   *Client
	requests *Conversation
}

// NewLink makes a link over a connection, which belongs to the link from then
// on, and begins the conversation. A refusal of the holder is its error. attach
// gives a new connection when the old one is gone.
func NewLink(ctx context.Context, client *Client, attach func(context.Context) (*Client, error)) (*Link, error) {
	l := &Link{attach: attach, client: client}
	c, err := l.begin(ctx)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.requests = c
	return l, nil
}

// begin begins a conversation. An old connection that turns out to be gone is
// replaced; a new one that fails says how things are. The caller holds mu.
func (l *Link) begin(ctx context.Context) (*Conversation, error) {
	for {
		fresh := l.client == nil
		if fresh {
			client, err := l.attach(ctx)
			if err != nil {
				return nil, err
			}
			l.client = client
		}
		c, err := l.client.Agent(ctx)
		if !errors.Is(err, ErrBroken) {
			return c, err
		}
		_ = l.client.Close() // it is gone already
		l.client = nil
		if fresh || ctx.Err() != nil {
			return nil, err
		}
	}
}

// ask makes one request. If it finds the conversation over, because the holder
// was replaced since the last one, it is made once more in a new one: each
// request may arrive twice.
func (l *Link) ask(ctx context.Context, request func(*Conversation) error) error {
	for {
		l.mu.Lock()
		c, fresh := l.requests, l.requests == nil
		if fresh {
			var err error
			if c, err = l.begin(ctx); err != nil {
				l.mu.Unlock()
				return err
			}
			l.requests = c
		}
		l.mu.Unlock()
		err := request(c)
		if !errors.Is(err, ErrBroken) {
			return err
		}
		l.mu.Lock()
		if l.requests == c {
			l.requests = nil
			_ = c.Close() // it is over already
		}
		l.mu.Unlock()
		if fresh || ctx.Err() != nil {
			return err
		}
	}
}

// Close ends the connection, and with it whatever waits on it.
func (l *Link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.client != nil {
		err = l.client.Close()
	}
	l.client, l.requests = nil, nil
	return err
}

// Report tells the server about the computer.
func (l *Link) Report(ctx context.Context, r protocol.Report) (ack protocol.Ack, err error) {
	err = l.ask(ctx, func(c *Conversation) (err error) { ack, err = c.Report(ctx, r); return err })
	return ack, err
}

// Decide asks the server what to do.
func (l *Link) Decide(ctx context.Context, r protocol.DecideRequest) (d protocol.Decisions, err error) {
	err = l.ask(ctx, func(c *Conversation) (err error) { d, err = c.Decide(ctx, r); return err })
	return d, err
}

// Event tells the server what happened.
func (l *Link) Event(ctx context.Context, e protocol.Event) error {
	return l.ask(ctx, func(c *Conversation) error { return c.Event(ctx, e) })
}

// Await waits until the server calls, the holder ends or ctx does.
func (l *Link) Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error) {
	l.mu.Lock()
	c, err := l.begin(ctx)
	l.mu.Unlock()
	if err != nil {
		return protocol.Awaited{}, err
	}
	defer func() { _ = c.Close() }() // its end is no news
	return c.Await(ctx, r)
}

var (
	_ AgentServer = (*Link)(nil)
	_ AgentCaller = (*Link)(nil)
)
