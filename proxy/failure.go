package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"stagedoor/internal/httperror"
)

// upstreamText is an upstream in the words of the gateway's answers, when it has failed.
type upstreamText struct {
	name string // begins a sentence
	// unreachable and slow are the headlines of pages; empty ones are those of the reason.
	unreachable, slow string
	// advice returns what to do about a problem.
	advice func(problem) string
}

// problem is a way in which an upstream fails.
type problem int

const (
	problemUnknown problem = iota
	problemRejected
	problemName
	problemCertificate
	problemNoTLS
	problemProxy
	problemNoRoute
	problemSlowConnection
	problemSlowAnswer
	problemBrokenAnswer
)

// words say what the upstream does, behind its name.
var words = map[problem]string{
	problemUnknown:        "does not answer",
	problemRejected:       "does not answer. It rejects connections",
	problemName:           "cannot be found: its name has no address",
	problemCertificate:    "shows a certificate that is not trusted here",
	problemNoTLS:          "does not speak TLS",
	problemProxy:          "cannot be reached: the proxy that the gateway's environment names (HTTP_PROXY, HTTPS_PROXY) does not answer",
	problemNoRoute:        "cannot be reached: the network knows no way to it",
	problemSlowConnection: "took too long to accept a connection",
	problemSlowAnswer:     "took too long to answer",
	problemBrokenAnswer:   "broke off its answer",
}

// problemOf finds out what an error of a transport means.
func problemOf(err error) problem {
	var (
		operation *net.OpError
		name      *net.DNSError
		record    tls.RecordHeaderError
	)
	isOperation := errors.As(err, &operation)
	switch {
	case isOperation && operation.Op == "proxyconnect":
		return problemProxy
	case errors.As(err, &name) && !name.IsTimeout:
		return problemName
	case isCertificateError(err):
		return problemCertificate
	case errors.As(err, &record):
		return problemNoTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return problemRejected
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return problemNoRoute
	case isTimeout(err) && isOperation && operation.Op == "dial":
		return problemSlowConnection
	case isTimeout(err):
		return problemSlowAnswer
	case errors.Is(err, errBrokenAnswer):
		return problemBrokenAnswer
	default:
		return problemUnknown
	}
}

func isCertificateError(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout() ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// rejection is the answer to a request that got nothing from the upstream.
func (u upstreamText) rejection(err error) *httperror.Error {
	found := problemOf(err)
	message := u.name + " " + words[found] + ". " + u.advice(found)
	reason, title := httperror.UpstreamUnreachable, u.unreachable
	if found == problemSlowConnection || found == problemSlowAnswer {
		reason, title = httperror.UpstreamTimeout, u.slow
	}
	e := httperror.New(reason, message, err)
	e.Title = title
	return e
}

// spotifyText is the Web API. Its clients can do nothing but wait; the log knows more.
var spotifyText = upstreamText{name: "Spotify", advice: func(problem) string { return "Try again shortly." }}

// frontendText is a web frontend. The reader of its failure may well be its developer.
func frontendText(origin, route string) upstreamText {
	correct := fmt.Sprintf("correct the route %s in config.yaml", route)
	return upstreamText{
		name: "The web frontend at " + origin, unreachable: "The app cannot be reached right now", slow: "The app took too long",
		advice: func(p problem) string {
			switch p {
			case problemCertificate:
				return "Give it a certificate for this name, or add the authority that issued it to those of the system (SSL_CERT_FILE names a file), or " + correct + "."
			case problemNoTLS:
				return "Write http:// instead of https://, or otherwise " + correct + "."
			case problemName, problemNoRoute:
				return "Start what has this name, connect the gateway to its network, or " + correct + "."
			case problemSlowAnswer, problemBrokenAnswer:
				return "Its own log may say why. Try again shortly."
			default:
				return "Start it, or " + correct + "."
			}
		},
	}
}

// failure is the answer to a request that got nothing from its upstream: errClientLeft for a client that has left, and nil when
// the upstream has answered.
func (x *exchange) failure(upstream upstreamText) error {
	err, left := x.failed, x.request.Context().Err() != nil
	if err == nil {
		return nil
	}
	if failed := x.body.blame(x.request.Context()); failed != nil { // the client's doing, not the upstream's
		err, left = failed, errors.Is(failed, errClientLeft)
	}
	if left {
		return errClientLeft
	}
	var rejection *httperror.Error
	if errors.As(err, &rejection) {
		return rejection
	}
	return upstream.rejection(err)
}
