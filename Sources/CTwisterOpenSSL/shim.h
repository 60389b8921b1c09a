// OpenSSL, with functions in place of those of its macros that Swift cannot import.
#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// No compression, no renegotiation; the server chooses the cipher, but a client that prefers ChaCha20 gets it.
static inline void openssl_set_options(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  // Buffers of idle connections are freed.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

static inline void openssl_disable_tickets(SSL_CTX *context) { SSL_CTX_set_options(context, SSL_OP_NO_TICKET); }

static inline int openssl_set_versions(SSL_CTX *context, int lowest, int highest) {
  return SSL_CTX_set_min_proto_version(context, lowest) && SSL_CTX_set_max_proto_version(context, highest);
}

static inline int openssl_set_groups(SSL_CTX *context, const char *list) {
  return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline void openssl_disable_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int openssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void openssl_set_server_name_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *),
                                                    void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline void openssl_set_status_callback(SSL_CTX *context, int (*callback)(SSL *, void *), void *argument) {
  SSL_CTX_set_tlsext_status_cb(context, callback);
  SSL_CTX_set_tlsext_status_arg(context, argument);
}

// Staples a copy of the response to the handshake.
static inline int openssl_staple(SSL *ssl, const void *response, long count) {
  void *copy = OPENSSL_memdup(response, (size_t)count);
  if (!copy) return 0;
  if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, count)) return 1;
  OPENSSL_free(copy);
  return 0;
}

static inline void openssl_set_ticket_callback(SSL_CTX *context,
                                               int (*callback)(SSL *, unsigned char *, unsigned char *,
                                                               EVP_CIPHER_CTX *, EVP_MAC_CTX *, int)) {
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callback);
}

static inline int openssl_set_host_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }

// Empties the thread's queue of errors, which is empty nearly always: to look costs a tenth of emptying it.
static inline void openssl_clear_errors(void) {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

static inline void openssl_free(void *memory) { OPENSSL_free(memory); }

static inline void openssl_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void openssl_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline size_t openssl_memory(BIO *bio, char **start) {
  long count = BIO_get_mem_data(bio, start);
  return count > 0 ? (size_t)count : 0;
}

static inline int openssl_general_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

// The text of a host name, mail address or URI among the alternative names; NULL for names of other types.
static inline const ASN1_IA5STRING *openssl_general_name(const GENERAL_NAMES *names, int index, int *type) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  *type = name->type;
  if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI) return NULL;
  return name->d.ia5;
}

// Prints a distinguished name as RFC 2253 has it, in UTF-8.
static inline int openssl_print_name(BIO *bio, const X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

// Has a message authentication code be HMAC with that key and the hash function of that name.
static inline int openssl_set_hmac(EVP_MAC_CTX *mac, const unsigned char *key, size_t count, const char *digest) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, count),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters);
}

// HKDF (RFC 5869) with SHA-256: both of its steps or one of them, as `mode` says.
static inline int openssl_hkdf(EVP_KDF *kdf, int mode, const unsigned char *key, size_t key_size,
                               const unsigned char *info, size_t info_size, unsigned char *out, size_t out_size) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_size),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_size),
      OSSL_PARAM_construct_end(),
  };
  EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
  int result = context && EVP_KDF_derive(context, out, out_size, parameters) > 0;
  EVP_KDF_CTX_free(context);
  return result;
}

static inline int openssl_get_tag(EVP_CIPHER_CTX *cipher, unsigned char *tag, int count) {
  return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, count, tag);
}

static inline int openssl_set_tag(EVP_CIPHER_CTX *cipher, unsigned char *tag, int count) {
  return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, count, tag);
}
