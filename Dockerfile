# The gateway in a container:
#   docker run --cap-drop ALL --cap-add NET_ADMIN --device /dev/net/tun --network host --read-only --tmpfs /tmp \
#     -v /etc/anygate:/etc/anygate:ro -v anygate:/var/lib/anygate anygate
# Host networking is the way to run it: published UDP ports pass the host's connection tracking, which may pin a client to a
# container that is gone.

FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="anygate" \
      org.opencontainers.image.description="Anycast relay gateway for anytun and uanytun clients" \
      org.opencontainers.image.licenses="MIT"
# A file capability lets the unprivileged user open the TUN device; the gateway hands it on to ip and nft by itself.
RUN apt-get update \
 && apt-get install -y --no-install-recommends iproute2 nftables procps libcap2-bin \
 && rm -rf /var/lib/apt/lists/* \
 && setcap cap_net_admin+ep "$(readlink -f "$(command -v node)")" \
 && apt-get purge -y --auto-remove libcap2-bin \
 && useradd --system --uid 472 --home-dir /var/lib/anygate --create-home --shell /usr/sbin/nologin anygate
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY bin ./bin
USER anygate
ENV NODE_ENV=production
VOLUME /var/lib/anygate
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/app/bin/anygate", "healthcheck", "--config", "/etc/anygate/anygate.yaml"]
ENTRYPOINT ["/app/bin/anygate"]
CMD ["serve", "--config", "/etc/anygate/anygate.yaml"]
