# shellcheck shell=bash
# A certificate authority of a server's own. Sourced by the server scripts.

# certificates DIRECTORY: ca.pem, and server.pem with server.key for 127.0.0.1 and localhost.
certificates() {
  local directory=$1 subject="/CN=Strongroom test authority"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "$subject" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
    -keyout "$directory/ca.key" -out "$directory/ca.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 \
    -keyout "$directory/server.key" -out "$directory/server.csr"
  openssl x509 -req -in "$directory/server.csr" -CA "$directory/ca.pem" -CAkey "$directory/ca.key" \
    -CAcreateserial -days 2 -out "$directory/server.pem" \
    -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost)
} >"$1/openssl.log" 2>&1
