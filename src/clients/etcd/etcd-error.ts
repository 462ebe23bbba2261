import { KnestError } from '../../errors.ts';

/** A member of etcd answered, and said no. */
export class EtcdError extends KnestError {
  /** Of gRPC: 5 not found, 9 not in the state for it, 14 unavailable for now. */
  readonly grpcCode: number;

  constructor(endpoint: string, path: string, grpcCode: number, message: string) {
    super(`etcd at ${endpoint}: ${path}: ${message}`, { code: 'REQUEST_REFUSED' });
    this.grpcCode = grpcCode;
  }
}
