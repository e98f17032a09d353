# For several architectures: docker buildx build --platform linux/amd64,linux/arm64 .
# The tag is the toolchain that go.mod names: the official images never download another one.
FROM golang:1.26.8-alpine AS build
WORKDIR /src

# Modules first: this layer is built again only when go.mod or go.sum change.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
# BuildKit sets these two; to other builders they are empty, which means this machine's.
ARG TARGETOS
ARG TARGETARCH
# Static, because nothing else is in the final image; -trimpath keeps this folder's name out of the binary.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /out/stagedoor .
RUN echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > /out/passwd \
 && echo 'nonroot:x:65532:' > /out/group

# scratch rather than distroless: a static Go binary needs certificates and a user, and both are copied below. What is
# not there needs no patches: no shell, no packages, nothing to pull but the toolchain above.
FROM scratch
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="stagedoor" \
      org.opencontainers.image.description="A gateway between a web frontend and Spotify that keeps the tokens" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/passwd /out/group /etc/
COPY config.yaml /etc/stagedoor/config.yaml
COPY --from=build /out/stagedoor /stagedoor

# A container is reached from outside of it; which addresses reach its port is decided where it is published. The admin
# listener stays on the container's own loopback, where the health check finds it.
ENV STAGEDOOR_LISTEN=0.0.0.0:8080
EXPOSE 8080

# By number, so that Kubernetes' runAsNonRoot can tell. Nothing is ever written: the root file system can be read-only.
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["/stagedoor", "healthcheck"]
ENTRYPOINT ["/stagedoor"]
CMD ["serve"]
