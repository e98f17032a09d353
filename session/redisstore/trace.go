package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"stagedoor/internal/tracing"
)

// traced makes a span of each command, by its name alone: keys and values are nobody's business but Redis'.
type traced struct{}

// DialHook implements redis.Hook.
func (traced) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (traced) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		ctx, span := startCommand(ctx, command.Name())
		defer span.End()
		return outcome(span, next(ctx, command))
	}
}

// ProcessPipelineHook implements redis.Hook.
func (traced) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		ctx, span := startCommand(ctx, "pipeline")
		defer span.End()
		span.Number("db.operation.batch.size", len(commands))
		return outcome(span, next(ctx, commands))
	}
}

func startCommand(ctx context.Context, name string) (context.Context, tracing.Span) {
	ctx, span := tracing.Start(ctx, "redis")
	if !span.Recorded() {
		return ctx, span
	}
	span.Name("redis " + name)
	span.Text("db.system.name", "redis")
	span.Text("db.operation.name", name)
	return ctx, span
}

// outcome marks the span of a command that failed. That nothing is there is an answer, and that a script is not known there
// is one that go-redis acts on.
func outcome(span tracing.Span, err error) error {
	var reply redis.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "NOSCRIPT"):
	case errors.As(err, &reply):
		span.Failed("rejected")
	default:
		span.Failed("no answer")
	}
	return err
}
