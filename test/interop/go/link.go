// One connection to a server, which comes back by itself.
package main

import (
	"context"
	"time"

	"nhooyr.io/websocket"
)

const readLimit = 64 << 20

// link posts what happens to the session's loop, so that only one goroutine touches the session.
type link struct {
	address string
	session *session
	socket  *websocket.Conn
	isUp    bool
	worker  int64
	cancel  context.CancelFunc
}

func newLink(s *session, address string) *link {
	ctx, cancel := context.WithCancel(context.Background())
	made := &link{address: address, session: s, cancel: cancel}
	go made.run(ctx)
	return made
}

func (l *link) run(ctx context.Context) {
	pause := 50 * time.Millisecond
	for ctx.Err() == nil {
		dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
		options := &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled}
		socket, _, err := websocket.Dial(dialing, "ws://"+l.address+"/v1/connect", options)
		cancel()
		if err == nil {
			pause = 50 * time.Millisecond
			socket.SetReadLimit(readLimit)
			l.session.post(func() { l.greet(socket) })
			l.read(ctx, socket)
			socket.Close(websocket.StatusNormalClosure, "")
			l.session.post(func() { l.session.linkDown(l) })
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*time.Second, 2*pause)
	}
}

func (l *link) greet(socket *websocket.Conn) {
	l.socket = socket
	l.send([]any{message{hello, map[string]any{"version": 1, "client": "conformance-go/1", "ring": true}}})
}

func (l *link) read(ctx context.Context, socket *websocket.Conn) {
	for {
		_, frame, err := socket.Read(ctx)
		if err != nil {
			return
		}
		messages, err := decode(frame)
		if err != nil {
			return
		}
		l.session.post(func() { l.session.receive(l, messages) })
	}
}

// send sends one frame; if the connection is gone, its reader tells.
func (l *link) send(messages []any) {
	if l.socket == nil {
		return
	}
	frame, err := encode(messages)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = l.socket.Write(ctx, websocket.MessageBinary, frame)
}

func min(one, other time.Duration) time.Duration {
	if one < other {
		return one
	}
	return other
}
