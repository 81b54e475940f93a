/* Debian's libmicrohttpd.a is built with TLS, for which it wants GnuTLS and the seven libraries below it, most of them
 * without a static archive. The page never speaks TLS (loopback, or a reverse proxy before it: docs/operations.md), so the
 * linker gets these instead and the program stays one file to copy. Hidden: a shared library that wants GnuTLS finds its
 * own. Every call that could begin TLS is refused. */

enum { GNUTLS_E_UNIMPLEMENTED_FEATURE = -1250 };

#define HIDDEN __attribute__((visibility("hidden")))
#define REFUSED(name)                                                                                                  \
    HIDDEN int name(void);                                                                                             \
    int name(void) { return GNUTLS_E_UNIMPLEMENTED_FEATURE; }
#define NOTHING(name)                                                                                                  \
    HIDDEN int name(void);                                                                                             \
    int name(void) { return 0; }

REFUSED(gnutls_alpn_set_protocols)
REFUSED(gnutls_bye)
REFUSED(gnutls_certificate_allocate_credentials)
REFUSED(gnutls_certificate_set_x509_key_mem)
REFUSED(gnutls_certificate_set_x509_key_mem2)
REFUSED(gnutls_certificate_set_x509_trust_mem)
REFUSED(gnutls_cipher_get)
REFUSED(gnutls_credentials_set)
REFUSED(gnutls_dh_params_import_pkcs3)
REFUSED(gnutls_dh_params_init)
REFUSED(gnutls_handshake)
REFUSED(gnutls_init)
REFUSED(gnutls_priority_init)
REFUSED(gnutls_priority_set)
REFUSED(gnutls_protocol_get_version)
REFUSED(gnutls_psk_allocate_server_credentials)
REFUSED(gnutls_record_get_direction)
REFUSED(gnutls_record_recv)
REFUSED(gnutls_record_send)

NOTHING(gnutls_certificate_free_credentials)
NOTHING(gnutls_certificate_server_set_request)
NOTHING(gnutls_certificate_set_dh_params)
NOTHING(gnutls_certificate_set_retrieve_function2)
NOTHING(gnutls_certificate_set_retrieve_function3)
NOTHING(gnutls_deinit)
NOTHING(gnutls_dh_params_deinit)
NOTHING(gnutls_global_deinit)
NOTHING(gnutls_global_init)
NOTHING(gnutls_priority_deinit)
NOTHING(gnutls_psk_free_server_credentials)
NOTHING(gnutls_psk_set_server_credentials_function)
NOTHING(gnutls_record_check_pending)
NOTHING(gnutls_session_set_ptr)
NOTHING(gnutls_transport_set_int2)

HIDDEN void *gnutls_session_get_ptr(void);
void *gnutls_session_get_ptr(void) { return 0; }
HIDDEN const char *gnutls_strerror(void);
const char *gnutls_strerror(void) { return "TLS is not offered"; }
HIDDEN extern void *(*gnutls_malloc)(unsigned long);
void *(*gnutls_malloc)(unsigned long);
