// What the pages use of the bundle beside this file, as the type checker sees it: a template's values are of any type.
export const html: (strings: TemplateStringsArray, ...values: any[]) => any;
export const h: (type: any, props: any, ...children: any[]) => any;
export function render(node: any, host: Element): void;
export function signal<T>(value: T): { value: T };
export function computed<T>(make: () => T): { readonly value: T };
export function effect(run: () => void): () => void;
type Ends = void | (() => void);
export function useEffect(run: () => Ends, on?: readonly unknown[]): void;
export function useLayoutEffect(run: () => Ends, on?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, on: readonly unknown[]): T;
export function useRef<T>(value: T): { current: T };
export function useState<T>(value: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
